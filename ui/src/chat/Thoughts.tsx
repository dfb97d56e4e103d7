import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { TokenText } from "@/instruments/TokenText";
import { plural } from "@/lib/format";
import { useSettings } from "@/store/settings";
import { underWay } from "@/store/status";
import type { Answer, OnFork } from "@/types";

interface ThoughtsProps {
  answer: Answer;
  /** How many of the answer's first tokens they are. */
  end: number;
  onFork: OnFork;
}

/** What the model thought before it answered: open while it does, folded once it answers, until a person says otherwise. */
export function Thoughts({ answer, end, onFork }: ThoughtsProps) {
  const colourBy = useSettings((s) => s.colourBy);
  const thinking = underWay(answer) && end === answer.tokens.length;
  const [chosen, choose] = useState<boolean | null>(null);
  const open = chosen ?? thinking;
  const word = thinking ? "Thinking" : "Thoughts";
  return (
    <section className="mb-3 border-l-2 border-line pl-3 text-muted" aria-label="Thoughts" data-thoughts>
      <button
        type="button"
        className="flex items-center gap-1 text-[13px] hover:text-ink"
        aria-expanded={open}
        onClick={() => choose(!open)}
      >
        <ChevronRight size={14} className={open ? "rotate-90" : undefined} aria-hidden />
        {word} · <span className="num">{plural(end, "token")}</span>
      </button>
      {open && (
        <div className="mt-1 text-[0.95em]">
          <TokenText answer={answer} colourBy={colourBy} onFork={onFork} end={end} />
        </div>
      )}
    </section>
  );
}
