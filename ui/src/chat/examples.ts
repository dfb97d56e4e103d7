/**
 * Prompts that a small model answers well and that show something at once. They are data, to be swapped as models change;
 * where their number is odd, the last one has a line of its own.
 */
export const EXAMPLES: readonly { prompt: string; shows: string }[] = [
  { prompt: "What is the capital of France?", shows: "A fact: hardly a word is tinted" },
  { prompt: "What is the opposite of hot?", shows: "Sure of the word, less of how to say it" },
  { prompt: "What is photosynthesis?", shows: "Learnt by heart: see how it flows" },
  { prompt: "Give two tips for better sleep.", shows: "Many would do: see what else it weighed" },
];
