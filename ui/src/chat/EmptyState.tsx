import { Columns2 } from "lucide-react";
import type { CSSProperties } from "react";
import { useServer } from "@/api/server";
import { Glyph } from "@/instruments/Glyph";
import { QUADRANTS } from "@/lib/quadrants";
import { goToPair } from "@/store/route";
import type { QuadrantName } from "@/types";
import { sendMessage, setUnsent } from "./Composer";
import { EXAMPLES } from "./examples";
import { LESSONS } from "./lessons";

/** One sentence that shows the language of the page: what it is sure of stays plain. */
const SAMPLE: readonly [text: string, quadrant?: QuadrantName, strength?: number][] = [
  ["The capital of France is Paris, a city "],
  ["known", "ADAPTIVE", 0.4],
  [" for its "],
  ["winding", "EXPLORING", 0.3],
  [" streets, "],
  ["old", "EXPLORING", 0.7],
  [" bookshops and a "],
  ["drowsy", "RESAMPLING", 1],
  [" river."],
];

const ORDER: readonly QuadrantName[] = ["FLOWING", "ADAPTIVE", "EXPLORING", "RESAMPLING", "TREADING"];

function Sample() {
  return (
    <figure className="on-panel rounded-xl border border-line bg-panel px-5 py-4">
      <p className="text-[17px] leading-8">
        {SAMPLE.map(([text, quadrant, strength]) =>
          quadrant ? (
            <span
              key={text}
              className="token-word"
              data-q={quadrant}
              style={{ "--t": strength } as CSSProperties}
            >
              {text}
            </span>
          ) : (
            text
          ),
        )}
      </p>
      <figcaption className="mt-3 grid grid-cols-1 gap-x-6 gap-y-1 text-[13px] text-muted sm:grid-cols-2">
        {ORDER.map((name) => (
          <span key={name} className="flex gap-2">
            <span
              className="num w-3 text-center font-semibold"
              style={{ color: `var(${QUADRANTS[name].colour})` }}
            >
              <Glyph of={name} />
            </span>
            {LESSONS[name].look}: {LESSONS[name].means}.
          </span>
        ))}
        <span className="pl-5 text-ink">The stronger, the less sure. Point at or tap a word to see why.</span>
      </figcaption>
    </figure>
  );
}

/** Where a new conversation starts. */
export function EmptyState() {
  const ready = useServer((s) => s.connection === "ok" || s.connection === "loading");
  return (
    <div className="mx-auto w-full max-w-[46rem] px-4 py-6 sm:py-[min(9vh,72px)]">
      <h1 className="text-2xl font-semibold tracking-tight">See where the model hesitates</h1>
      <p className="mt-1 mb-6 text-muted">
        Colour marks only what deserves a look. The sampler reads the model's uncertainty at every token and
        decides how boldly to draw the next.
      </p>
      <Sample />
      <ul className="mt-6 grid gap-2 sm:grid-cols-2">
        {EXAMPLES.map(({ prompt, shows }) => (
          <li key={prompt} className="sm:odd:last:col-span-2">
            <button
              type="button"
              className="h-full w-full rounded-xl border border-line bg-raised px-4 py-3 text-left transition-colors hover:border-line-strong"
              onClick={() => (ready ? sendMessage(prompt, null) : setUnsent(null, prompt))}
            >
              <span className="block leading-snug">{prompt}</span>
              <span className="mt-1 block text-[13px] text-muted">{shows}</span>
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        className="mt-4 inline-flex items-center gap-2 text-sm text-muted hover:text-ink"
        onClick={goToPair}
      >
        <Columns2 size={15} aria-hidden /> Or run one prompt under two samplers, side by side
      </button>
    </div>
  );
}
