/** What people call the kinds of jobs, with an example of each. A kind of a deployment's own has its name alone. */

import { words } from "../words/format";

interface Example {
  title: string;
  prompt: string;
  slot: string;
}

const EXAMPLES: Record<string, Example> = {
  cast_ref: {
    title: "References A and B",
    prompt: "alice, keeper of the light, front view",
    slot: "cast/alice",
  },
  image: { title: "Picture", prompt: "a lighthouse in a storm, woodcut", slot: "image/tower" },
  portrait: {
    title: "Portrait",
    prompt: "a lighthouse keeper, oil on canvas",
    slot: "portrait/keeper",
  },
  scenes: { title: "Scenes", prompt: "the night the lamp went out", slot: "story/one" },
  shot: { title: "Shot", prompt: "gulls around the gallery, from below", slot: "shot/1" },
  video: { title: "Video", prompt: "the lamp turns, the camera follows", slot: "video/opening" },
};

export const titleOf = (kind: string) => EXAMPLES[kind]?.title ?? words(kind);

/** What an empty form shows. */
export const exampleOf = (kind: string): Example => EXAMPLES[kind] ?? EXAMPLES.portrait!;
