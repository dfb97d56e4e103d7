import type { Field } from "./schema";

/** What is added to tokens' logits, by their ids: a line for each, beside the sampler's own parameters. */
export const BIAS: Field = {
  path: ["logit_bias"],
  id: "logit_bias",
  label: "Token biases",
  description:
    "Added to the logit of a token, by its id, which its card shows: −100 bans it, 100 takes it always. One line each.",
  kind: "list",
  minimum: null,
  maximum: null,
  choices: [],
  pattern: "^\\d+ *= *-?(100|\\d{1,2}(\\.\\d+)?)$",
  example: "504 = -100",
  empty: true,
};
