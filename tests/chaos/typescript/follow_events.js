// Follow a project until killed; one line of JSON for each thing that was told.
import { Heliograph } from "../../../clients/typescript/dist/heliograph.js";

const [url, project, live] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const helio = new Heliograph({ url, project, live });
const onState = ({ name, missed, restarted }) => say({ state: name, missed, restarted });
for await (const event of helio.live.follow({ onState, buffer: 200 })) {
  const { kind, cursor } = event;
  const jobs = kind === "snapshot" ? event.jobs : [event.job];
  if (kind !== "progress") say({ kind, ...cursor, jobs: jobs.map(({ id }) => id) });
}
