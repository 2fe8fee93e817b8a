// Types of the published OpenAPI documents: one module per service in src/generated, and one of all error codes.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const GOLDEN = new URL("../../../tests/contract/golden/", import.meta.url);
const GENERATED = new URL("../src/generated/", import.meta.url);
const SERVICES = ["gateway", "status", "storage"];

const read = async (file) => JSON.parse(await readFile(new URL(file, GOLDEN), "utf8"));

// shapes that several documents share are kept once, in a file of schemas; a document names them
async function withSharedShapes(document) {
  const shapes = document.components.schemas;
  for (const [name, { $ref }] of Object.entries(shapes)) {
    if (!$ref?.includes(".json#/$defs/")) continue;
    const [file, shared] = $ref.split("#/$defs/");
    const text = JSON.stringify((await read(file)).$defs[shared]);
    shapes[name] = JSON.parse(text.replaceAll("#/$defs/", "#/components/schemas/"));
  }
  return document;
}

function union(name, values) {
  const members = values.map((value) => `\n  | ${JSON.stringify(value)}`).join("");
  return `/** Stable codes of problems, as this version of the service knows them. */\nexport type ${name} =${members};\n`;
}

await mkdir(GENERATED, { recursive: true });
for (const service of SERVICES) {
  const document = await withSharedShapes(await read(`${service}-openapi.json`));
  const nodes = await openapiTS(document, { defaultNonNullable: false });
  await writeFile(new URL(`${service}.ts`, GENERATED), astToString(nodes));
  if (service !== "gateway") continue;
  const codes = document.components.schemas.Problem.properties.code.examples;
  await writeFile(new URL("codes.ts", GENERATED), union("ProblemCode", codes));
}
