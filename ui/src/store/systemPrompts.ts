import type { SystemPrompt } from "./db";

/** What new conversations start with: the command line's own. A small model needs it to stay with the question. */
export const DEFAULT_SYSTEM_PROMPT =
  "Think carefully, then answer briefly and correctly. Say so if you are not sure.";

/** System prompts to start from; a person's own ones are kept in the browser's database. */
export const SYSTEM_PROMPTS: readonly SystemPrompt[] = [
  { id: "none", name: "None", text: "" },
  { id: "careful", name: "Careful", text: DEFAULT_SYSTEM_PROMPT },
  { id: "helpful", name: "Helpful", text: "You are a helpful assistant. Answer clearly and truthfully." },
  {
    id: "brief",
    name: "Brief",
    text: "Answer in one or two sentences. Leave out everything that was not asked.",
  },
  {
    id: "thinking",
    name: "Thinking aloud",
    text: "Think the question through step by step before you answer. Check your reasoning, correct it where it is wrong, and end with the answer in one sentence.",
  },
  {
    id: "teacher",
    name: "Teacher",
    text: "You are a patient teacher. Explain with a concrete example, and say which part of the explanation you are unsure of.",
  },
  {
    id: "storyteller",
    name: "Storyteller",
    text: "You are a storyteller. Write vivid, surprising prose with concrete details.",
  },
];
