/**
 * Every instrument on one page, fed with synthetic answers: for looking at them and for measuring their frames. Not part
 * of the production build. `?tokens=4096&theme=dark&colour=logits_entropy`; `stream(rate)` streams it.
 */
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { checkServer } from "@/api/server";
import { Compare } from "@/instruments/Compare";
import { Legend } from "@/instruments/Legend";
import { QuadrantMap } from "@/instruments/QuadrantMap";
import { ShareBar } from "@/instruments/ShareBar";
import { Timeline } from "@/instruments/Timeline";
import { TokenList } from "@/instruments/TokenList";
import { TokenText } from "@/instruments/TokenText";
import { drawText } from "@/lib/frames";
import { type ColourBy, MEASURE_NAMES } from "@/lib/metrics";
import type { Answer } from "@/types";
import { syntheticAnswer } from "../fixtures/synthetic";
import "@/kit/theme.css";

const query = new URLSearchParams(location.search);
const TOKENS = Number(query.get("tokens") ?? 220);
/** How many tokens are there before a stream starts. */
const FROM = Number(query.get("from") ?? 0);

declare global {
  interface Window {
    /** Streams so many tokens more (by default the rest) at so many a second; resolves when they are there. */
    stream: (tokensPerSecond: number, count?: number) => Promise<void>;
  }
}

const whole = syntheticAnswer(TOKENS, 1, "entropix, seed 1");
if (query.has("paragraph")) {
  whole.tokens = whole.tokens.map((token) => ({ ...token, text: token.text.replaceAll("\n", " ") }));
}
const other = syntheticAnswer(Math.round(TOKENS * 0.8), 2, "normal, seed 1");

function Gallery() {
  const [answer, setAnswer] = useState<Answer>(
    query.has("empty") ? { ...whole, tokens: whole.tokens.slice(0, FROM) } : whole,
  );
  const [colourBy, setColourBy] = useState<ColourBy>((query.get("colour") as ColourBy) ?? "quadrant");
  useEffect(() => {
    let have = FROM;
    const show = () => {
      setAnswer({
        ...whole,
        tokens: whole.tokens.slice(0, have),
        status: have === TOKENS ? "done" : "streaming",
      });
      // A chat keeps the end of a streaming answer in view.
      scrollTo(0, document.body.scrollHeight);
    };
    window.stream = (tokensPerSecond, more = TOKENS) =>
      new Promise((done) => {
        const from = have;
        const until = Math.min(TOKENS, from + more);
        const start = performance.now();
        const step = () => {
          const arrived = Math.floor(((performance.now() - start) / 1000) * tokensPerSecond);
          have = Math.min(until, from + arrived);
          drawText(show);
          if (have === until) done();
          else requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
      });
  }, []);
  const fork = (index: number, alternative: unknown) => console.info("fork", index, alternative);
  return (
    <main className="mx-auto grid max-w-[1500px] grid-cols-1 gap-6 p-4 lg:grid-cols-[minmax(0,1fr)_400px_400px]">
      <article className="min-w-0">
        <div className="mb-4 flex flex-wrap items-end gap-4">
          <label className="text-xs text-muted">
            Colour by{" "}
            <select
              className="rounded-md border border-line-strong bg-raised px-2 py-1 text-ink"
              value={colourBy}
              onChange={(event) => setColourBy(event.target.value as ColourBy)}
            >
              {["quadrant", ...MEASURE_NAMES].map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <Legend colourBy={colourBy} answer={answer} />
        </div>
        <div className="max-w-[70ch]">
          <TokenText answer={answer} colourBy={colourBy} onFork={fork} />
        </div>
        <div className="mt-3">
          <ShareBar answer={answer} />
        </div>
      </article>
      <div className="flex min-w-0 flex-col gap-4">
        <div className="h-[420px] rounded-lg border border-line">
          <TokenList answer={answer} onFork={fork} />
        </div>
        <QuadrantMap answers={[answer]} onFork={fork} />
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        <Timeline answers={[answer]} onFork={fork} />
        <Compare answers={[answer, other]} />
      </div>
    </main>
  );
}

document.documentElement.dataset.theme = query.get("theme") ?? "light";
const root = document.getElementById("root");
if (root) {
  const page = <Gallery />;
  void checkServer(); // glyphs and units, where there is one
  createRoot(root).render(query.has("strict") ? <StrictMode>{page}</StrictMode> : page);
}
