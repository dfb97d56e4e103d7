/** What a token was chosen from, at a glance: the likeliest alternatives, and a line for how unsure it was and what was done. */

import { Choice, isChosen } from "@/instruments/Choice";
import { Glyph } from "@/instruments/Glyph";
import { withUnit } from "@/lib/format";
import { QUADRANTS } from "@/lib/quadrants";
import { whatWasDone } from "@/lib/why";
import type { TokenRecord } from "@/types";

/** The likeliest that are shown; the chosen one comes below them where it is none of them. */
const FEW = 4;

export function TokenPreview({ token }: { token: TokenRecord }) {
  const { quadrant, alternatives } = token;
  const shown = alternatives.slice(0, FEW);
  if (!shown.some((one) => isChosen(token, one)))
    shown.push({ token: token.token, token_id: token.token_id, logprob: token.logprob });
  return (
    <div className="px-2 py-1.5 text-[13px] leading-5">
      <ol>
        {shown.map((alternative, rank) => (
          <Choice
            key={alternative.token_id ?? `${rank} ${alternative.token}`}
            alternative={alternative}
            chosen={isChosen(token, alternative)}
            given={token.given}
          />
        ))}
      </ol>
      <p className="mt-1 truncate border-t border-line pt-1 text-xs text-muted">
        {quadrant && (
          <span className="num font-semibold" style={{ color: `var(${QUADRANTS[quadrant].colour})` }}>
            <Glyph of={quadrant} />{" "}
          </span>
        )}
        Entropy {withUnit("logits_entropy", token.logits_entropy)} · {whatWasDone(token)}
      </p>
    </div>
  );
}
