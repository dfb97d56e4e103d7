/** Prompts that show something at once: certainty, a slip between two answers, many ways to go on, an honest doubt. */
export const EXAMPLES: readonly { prompt: string; shows: string }[] = [
  { prompt: "What is the capital of France?", shows: "A fact: watch it flow" },
  { prompt: "Which is larger, 9.9 or 9.11? Explain why.", shows: "A trap: see where it wavers" },
  {
    prompt: "Write the opening of a story set on a night train.",
    shows: "Many ways to go on: forks everywhere",
  },
  { prompt: "Name a city at random and say why you chose it.", shows: "Same prompt, new seed: another city" },
];
