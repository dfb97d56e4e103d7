/** One of the tokens that could have come, as a row of a card or a preview. */
import { probability, visible } from "@/lib/format";
import type { Alternative, TokenRecord } from "@/types";

interface ChoiceProps {
  alternative: Alternative;
  chosen: boolean;
  /** It was not chosen, but stood in the prompt. */
  given?: boolean | undefined;
  /** Takes the focus when a person goes into the card by key. */
  first?: boolean;
  fork?: ((alternative: Alternative) => void) | undefined;
}

/** One alternative: its text, a bar as long as its probability, and the way to continue from it. */
export function Choice({ alternative, chosen, given, first = false, fork }: ChoiceProps) {
  const name = visible(alternative.token);
  return (
    <li className="group/choice relative flex h-6 items-center gap-2">
      <span
        className="absolute inset-y-[3px] left-0 rounded-sm bg-accent/15"
        style={{ width: `${100 * Math.exp(alternative.logprob)}%` }}
        aria-hidden
      />
      <code className={`num relative min-w-0 truncate pl-1.5 ${chosen ? "font-semibold" : ""}`}>{name}</code>
      {chosen && <span className="relative shrink-0 text-xs text-muted">{given ? "given" : "chosen"}</span>}
      <span className="num relative ml-auto shrink-0 text-muted">{probability(alternative.logprob)}</span>
      {fork && (
        <button
          type="button"
          data-first={first || undefined}
          className="relative shrink-0 rounded-sm px-1.5 text-xs text-accent hover:underline"
          onClick={() => fork(alternative)}
          aria-label={chosen ? `Continue again from ${name}` : `Fork here with ${name}`}
        >
          {chosen ? "Redo" : "Fork"}
        </button>
      )}
    </li>
  );
}

export function isChosen(token: TokenRecord, { token_id, token: text }: Alternative): boolean {
  return token_id === undefined ? text === token.token : token_id === token.token_id;
}
