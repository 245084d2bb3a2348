// Two npm clients send statements and read them back; what came of it as JSON. Told by stdin: {endpoint, user, password, student}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const XAPI = require("@xapi/xapi").default ?? require("@xapi/xapi");
const TinCan = require("tincanjs");
const told = JSON.parse(readFileSync(0, "utf8"));

const VERB = "http://adlnet.gov/expapi/verbs/scored";
const actor = { objectType: "Agent", account: { homePage: "https://lms.example", name: told.student } };
const statement = (client, raw) => ({
  actor,
  verb: { id: VERB, display: { en: "scored" } },
  object: { objectType: "Activity", id: `https://lms.example/${client}` },
  result: { score: { raw, min: 0, max: 100 } },
});
const scores = (statements) => statements.map((each) => each.result.score.raw);

async function xapi() {
  const client = new XAPI({ endpoint: told.endpoint, auth: XAPI.toBasicAuth(told.user, told.password), version: told.version });
  const activity = "https://lms.example/xapi";
  const about = (await client.getAbout()).data.version;
  const one = (await client.sendStatement({ statement: statement("xapi", 61) })).data;
  const again = (await client.sendStatement({ statement: statement("xapi", 61) })).data;
  const many = (await client.sendStatements({ statements: [62, 63, 64].map((raw) => statement("xapi", raw)) })).data;
  const read = (await client.getStatement({ statementId: one[0] })).data;
  const pages = [];
  let page = (await client.getStatements({ agent: actor, verb: VERB, activity, ascending: true, limit: 3 })).data;
  for (;;) {
    pages.push(scores(page.statements));
    if (!page.more) break;
    page = (await client.getMoreStatements({ more: page.more })).data;
  }
  await client.voidStatement({ actor, statementId: many[0] });
  const gone = await client.getStatement({ statementId: many[0] }).catch((error) => error.response.status);
  const voided = (await client.getVoidedStatement({ voidedStatementId: many[0] })).data;
  const refused = await client
    .sendStatement({ statement: { ...statement("xapi", 1), verb: { id: "did" } } })
    .catch((error) => [error.response.status, error.response.data.pointer]);
  return { about, repeated: one[0] === again[0], sent: many.length, read: scores([read]), pages, gone, voided: scores([voided]), refused };
}

const called = (target, method, ...given) =>
  new Promise((done) => target[method](...given, (error, answer) => done([error, answer])));
const withCallback = (target, method, options) =>
  new Promise((done) => target[method]({ ...options, callback: (error, answer) => done([error, answer]) }));

async function tincanjs() {
  const lrs = new TinCan.LRS({ endpoint: told.endpoint, username: told.user, password: told.password, version: "1.0.2", allowFail: false });
  const one = new TinCan.Statement(statement("tincanjs", 71));
  const [failed] = await called({ save: (done) => lrs.saveStatement(one, { callback: done }) }, "save");
  const [again] = await called({ save: (done) => lrs.saveStatement(one, { callback: done }) }, "save");
  const rest = [72, 73, 74].map((raw) => new TinCan.Statement(statement("tincanjs", raw)));
  const [batch] = await called({ save: (done) => lrs.saveStatements(rest, { callback: done }) }, "save");
  const [, read] = await called({ get: (done) => lrs.retrieveStatement(one.id, { callback: done }) }, "get");
  const activity = new TinCan.Activity({ id: "https://lms.example/tincanjs" });
  const pages = [];
  let [, page] = await withCallback(lrs, "queryStatements", {
    params: { agent: new TinCan.Agent(actor), verb: new TinCan.Verb({ id: VERB }), activity, ascending: true, limit: 3 },
  });
  for (;;) {
    pages.push(scores(page.statements));
    if (!page.more) break;
    [, page] = await withCallback(lrs, "moreStatements", { url: page.more });
  }
  return { errors: [failed, again, batch], read: scores([read]), pages };
}

process.stdout.write(JSON.stringify({ xapi: await xapi(), tincanjs: await tincanjs() }));
