// Submit so many paid jobs, a few at once, over a connection that breaks.
import { Heliograph } from "../../../clients/typescript/dist/heliograph.js";

const [url, project, count, price] = process.argv.slice(2);
const AT_ONCE = 8;

const helio = new Heliograph({ url, project, tries: 100 });
const numbers = Array.from({ length: Number(count) }, (_, number) => number);

async function submitRest() {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
    const parameters = { seconds: 0, price };
    const job = await helio.jobs.submit({ kind: "scenes", prompt: `${number}`, parameters });
    process.stdout.write(`${job.id}\n`);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, submitRest));
