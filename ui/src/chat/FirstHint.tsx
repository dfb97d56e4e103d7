import { X } from "lucide-react";
import { useEffect } from "react";
import { useSelection } from "@/instruments/selection";
import { IconButton } from "@/kit/controls";
import { probability, visible } from "@/lib/format";
import { uncertain } from "@/lib/tint";
import { useSettings } from "@/store/settings";
import type { Answer, QuadrantName, TokenRecord } from "@/types";

const REASONS: Partial<Record<QuadrantName | "NONE", string>> = {
  EXPLORING: "is blue because the model saw a few good ways to go on",
  RESAMPLING: "is magenta because the model saw many ways to go on, and none that stood out",
  NONE: "is tinted because the model saw many ways to go on",
};

const reasonOf = ({ quadrant }: TokenRecord) => REASONS[quadrant ?? "NONE"];

/** A whole word: it begins after a space, or at the beginning of the answer. */
const isWord = (text: string, index: number) => (index === 0 ? FIRST : LATER).test(text);
const FIRST = /^\s?\p{L}{2,}$/u;
const LATER = /^\s\p{L}{2,}$/u;

interface Example {
  index: number;
  token: TokenRecord;
  rival: { token: string; logprob: number };
}

/**
 * A tinted word whose strongest rival is a word, too, so that both can be read without an explanation: the first that came
 * against the odds, else the first of all.
 */
function exampleIn(tokens: readonly TokenRecord[]): Example | null {
  let first: Example | null = null;
  for (const [index, token] of tokens.entries()) {
    if (!uncertain(token) || !reasonOf(token) || token.forced || !isWord(token.text, index)) continue;
    if (!/^(\s|[.,;:!?]|$)/.test(tokens[index + 1]?.text ?? "")) continue;
    const rival = token.alternatives.find((one) => one.token !== token.token);
    if (!rival || !isWord(rival.token, index)) continue;
    if (rival.logprob > token.logprob) return { index, token, rival };
    first ??= { index, token, rival };
  }
  return first;
}

const learnt = () => useSettings.setState({ hinted: true });

/** Says of one coloured word why it is coloured, until a person has opened a card. */
export function FirstHint({ answer }: { answer: Answer }) {
  const wanted = useSettings((s) => !s.hinted && s.view === "tokens" && s.colourBy === "quadrant");
  useEffect(() => {
    if (wanted) return useSelection.subscribe(({ selected }) => selected && learnt());
  }, [wanted]);
  const example = wanted ? exampleIn(answer.tokens) : null;
  if (!example) return null;
  const { index, token, rival } = example;
  return (
    <div
      role="note"
      aria-label="How to read the colours"
      className="on-panel mt-1 flex items-start gap-2 rounded-lg border border-line bg-panel py-2 pr-1 pl-3 text-sm"
    >
      <p className="flex-1 py-1">
        <span className="token-word px-0.5" data-q={token.quadrant ?? "NONE"}>
          {visible(token.text.trim())}
        </span>{" "}
        {reasonOf(token)}: it gave this word <span className="num">{probability(token.logprob)}</span> and “
        {visible(rival.token.trim())}” <span className="num">{probability(rival.logprob)}</span>.{" "}
        <button
          type="button"
          className="font-medium text-accent underline-offset-2 hover:underline"
          onClick={() => useSelection.getState().select({ answerId: answer.id, index }, "text")}
        >
          See all that it weighed
        </button>
        , or pick any other word.
      </p>
      <IconButton icon={X} size={14} label="Got it" onClick={learnt} />
    </div>
  );
}
