// Types of the published OpenAPI documents, one module per service in src/generated.
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

await mkdir(GENERATED, { recursive: true });
for (const service of SERVICES) {
  const document = await withSharedShapes(await read(`${service}-openapi.json`));
  const nodes = await openapiTS(document, { defaultNonNullable: false });
  await writeFile(new URL(`${service}.ts`, GENERATED), astToString(nodes));
}
