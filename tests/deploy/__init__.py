"""What is deployed: alarms, run book, images."""
