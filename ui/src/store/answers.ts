import { type AnswerInfo, changesIn } from "./model";

/** How an answer is told from others: "entropix (changed) · seed 7". */
export function answerLabel({ sampler, fork }: AnswerInfo): string {
  const changed = changesIn(sampler) > 0 ? " (changed)" : "";
  const forked = fork ? ` · fork at ${fork.index + 1}` : "";
  return `${sampler.preset}${changed} · seed ${sampler.seed}${forked}`;
}
