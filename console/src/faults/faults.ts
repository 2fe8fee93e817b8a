/** The faults of the sim provider, and what becomes of a job that meets them. */

export interface Fault {
  name: string;
  title: string;
  story: string;
}

export const faults: readonly Fault[] = [
  {
    name: "reject",
    title: "Refused request",
    story: "The provider refuses the request. Nothing is charged.",
  },
  {
    name: "policy",
    title: "Content policy",
    story:
      "The request is accepted, and refused for its content afterwards. Providers may charge for that; the sim is free.",
  },
  {
    name: "rate_limited",
    title: "Rate limit",
    story: "The first try is turned away for a second. It still counts as attempt 1.",
  },
  {
    name: "unavailable",
    title: "Provider unavailable",
    story: "Two tries are turned away, the third one works.",
  },
  {
    name: "found_reply",
    title: "Lost answer, found",
    story: "The answer gets lost. The request is looked up and goes on; nothing is sent twice.",
  },
  {
    name: "lost_reply",
    title: "Lost answer",
    story: "The answer gets lost and cannot be looked up. Nothing is repeated unasked: you decide.",
  },
  {
    name: "hang",
    title: "Never finishes",
    story: "The provider renders for ever. The attempt ends after four seconds.",
  },
  { name: "garbage", title: "Not what was promised", story: "The result has the wrong shape." },
  {
    name: "no_output",
    title: "Empty result",
    story: "The provider is done and hands over nothing.",
  },
  {
    name: "wrong_type",
    title: "Not a picture",
    story: "A web page that says it is a picture is refused.",
  },
  {
    name: "huge",
    title: "Too large",
    story: "An output that announces five gigabytes is not fetched.",
  },
  {
    name: "flaky_download",
    title: "Bad download",
    story: "The output answers with errors three times. It is fetched again, at no cost.",
  },
];
