import type { SystemPrompt } from "@/store/db";

/** System prompts to start from; a person's own ones are kept in the browser's database. */
const SYSTEM_PROMPTS: readonly SystemPrompt[] = [
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

/** With the server's own, as far as that is known: new conversations start with it, as a small model needs one to stay with the question. */
export function systemPrompts(served: string | null): SystemPrompt[] {
  const own = served === null ? [] : [{ id: "careful", name: "Careful", text: served }];
  return [{ id: "none", name: "None", text: "" }, ...own, ...SYSTEM_PROMPTS];
}
