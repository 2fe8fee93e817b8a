/** The scenes of a story, from the JSON text that a model wrote. */

export interface Scene {
  number: number;
  heading: string;
  text: string;
  prompt: string; // of its shot
}

/** The slot that the shot of a scene fills. */
export const slotOf = ({ number }: Scene) => `shot/${number}`;

const str = (value: unknown) => (typeof value === "string" ? value : "");

/** Scenes in order; none where the text has another shape, which is then shown as it is. */
export function scenesOf(text: string): Scene[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return [];
  }
  const list = Array.isArray(content) ? content : (content as { scenes?: unknown } | null)?.scenes;
  return Array.isArray(list) ? list.map((item: unknown, index) => sceneOf(item, index + 1)) : [];
}

function sceneOf(item: unknown, number: number): Scene {
  if (typeof item !== "object" || item === null)
    return { number, heading: "", text: str(item), prompt: str(item) };
  const fields = item as Record<string, unknown>;
  const told = str(fields.action) || str(fields.description) || str(fields.text);
  const prompt = str(fields.shot_prompt) || str(fields.prompt) || told;
  return {
    number,
    heading: str(fields.heading) || str(fields.title),
    text: told || prompt,
    prompt,
  };
}
