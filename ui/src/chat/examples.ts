/**
 * Prompts that a small model answers well and that show something at once. They are data, to be swapped as models change;
 * where their number is odd, the last one has a line of its own.
 */
export const EXAMPLES: readonly { prompt: string; shows: string }[] = [
  { prompt: "What is the capital of France?", shows: "A fact: hardly a word is tinted" },
  { prompt: "What is the opposite of hot?", shows: "One word, and sure of it" },
  { prompt: "Which planet is known as the red planet?", shows: "Sure of the name, less of the rest" },
  { prompt: "List three fruits.", shows: "Any would do: see what else it weighed" },
  {
    prompt: "Write the opening of a story set on a night train.",
    shows: "Many ways to go on: forks everywhere",
  },
];
