/** All that is known of one token: what it was, why the sampler did what it did, and what could have come instead. */

import { type FormEvent, useState } from "react";
import { Choice, isChosen } from "@/instruments/Choice";
import { Glyph } from "@/instruments/Glyph";
import { Segments } from "@/kit/controls";
import { readConditions, readWindow } from "@/lib/conditions";
import { phraseOf } from "@/lib/facts";
import { exactWithUnit, probability, visible } from "@/lib/format";
import { LABELS, METRIC_NAMES, measureDescription } from "@/lib/metrics";
import { QUADRANTS } from "@/lib/quadrants";
import { windowOf } from "@/lib/series";
import { type Windowed, whatWasDone, why } from "@/lib/why";
import { useSettings } from "@/store/settings";
import type { Alternative, Answer, OnFork, TokenRecord } from "@/types";

export interface TokenCardProps {
  answer: Answer;
  /** Which of the answer's tokens, from 0. */
  index: number;
  onFork?: OnFork | undefined;
  onClose: () => void;
}

export function TokenCard({ answer, index, onFork, onClose }: TokenCardProps) {
  const token = answer.tokens[index];
  if (!token) return null;
  return (
    <div className="max-h-[min(600px,var(--room,100vh))] overflow-y-auto p-3 text-[13px] leading-5">
      <div className="flex items-baseline gap-2">
        <code className="num min-w-0 truncate rounded-sm bg-panel px-1.5 text-[15px] font-semibold">
          {visible(token.text || token.token)}
        </code>
        <span className="num ml-auto shrink-0 text-faint">
          {probability(token.logprob)} · token {index + 1}
        </span>
        <button
          type="button"
          className="-my-1 shrink-0 px-1 text-muted hover:text-ink pointer-coarse:-m-2 pointer-coarse:p-3"
          onClick={onClose}
        >
          <span aria-hidden>✕</span>
          <span className="sr-only">Close</span>
        </button>
      </div>
      <Reason answer={answer} index={index} token={token} />
      <Metrics token={token} />
      <Parameters token={token} />
      <Alternatives
        token={token}
        fork={onFork && ((alternative, times) => onFork(index, alternative, times))}
      />
    </div>
  );
}

function Reason({ answer, index, token }: { answer: Answer; index: number; token: TokenRecord }) {
  const { config, tokens } = answer;
  const window = readWindow(config);
  const windowed: Windowed = (metric, over) => {
    if (window === null || over === "value") return Number.NaN;
    return windowOf(tokens.slice(0, index + 1), metric, window)[over] ?? Number.NaN;
  };
  const quadrant = token.quadrant && QUADRANTS[token.quadrant];
  return (
    <div className="mt-2">
      {quadrant && (
        <p>
          <span
            className="num mr-1.5 inline-block w-4 text-center font-semibold"
            style={{ color: `var(${quadrant.colour})` }}
            aria-hidden
          >
            <Glyph of={quadrant.name} />
          </span>
          <span className="font-semibold">{quadrant.name}</span>
          <span className="text-muted"> — {phraseOf(quadrant.name)}</span>
        </p>
      )}
      <p className="text-muted">
        {why(token, readConditions(config), windowed)}{" "}
        {quadrant && !token.forced && !token.forked && `It ${whatWasDone(token)}.`}
        {token.drafted && " The token was guessed ahead, and took no step of its own."}
      </p>
    </div>
  );
}

function Metrics({ token }: { token: TokenRecord }) {
  return (
    <dl className="mt-2 grid grid-cols-[1fr_auto] border-t border-line pt-2 leading-[18px]">
      {METRIC_NAMES.map((metric) => (
        <div key={metric} className="contents">
          <dt className="text-muted" title={measureDescription(metric)}>
            {LABELS[metric]}
          </dt>
          <dd className="num text-right">{exactWithUnit(metric, token[metric])}</dd>
        </div>
      ))}
      <div className="contents">
        <dt className="text-muted">Log-probability</dt>
        <dd className="num text-right">{exactWithUnit("logprob", token.logprob)}</dd>
      </div>
      <div className="contents">
        <dt className="text-muted">Position · id</dt>
        <dd className="num text-right">
          {token.position} · {token.token_id}
        </dd>
      </div>
    </dl>
  );
}

function Parameters({ token }: { token: TokenRecord }) {
  const { temperature, top_p, top_k, min_p } = token;
  if (temperature === null && top_p === null && top_k === null && min_p === null) {
    return <p className="mt-2 border-t border-line pt-2 text-muted">No draw was made here.</p>;
  }
  const shown: [string, number | null][] = [
    ["temperature", temperature],
    ["top p", top_p],
    ["top k", top_k],
    ["min p", min_p],
  ];
  return (
    <dl className="mt-2 grid grid-cols-4 gap-x-2 border-t border-line pt-2">
      {shown.map(([name, value]) => (
        <div key={name} className="flex flex-col">
          <dt className="text-xs text-faint">{name}</dt>
          <dd className="num">{value === null ? "–" : Number(value.toPrecision(3))}</dd>
        </div>
      ))}
    </dl>
  );
}

interface AlternativesProps {
  token: TokenRecord;
  fork: ((alternative: Alternative | string, times: number) => void) | undefined;
}

/** How many continuations can be asked for at once. */
const TIMES = [1, 3, 5, 8];

/** How many alternatives are shown at first. */
const FEW = 6;

function Alternatives({ token, fork: forkTimes }: AlternativesProps) {
  const [all, setAll] = useState(false);
  const times = useSettings((s) => s.continuations);
  const fork = forkTimes && ((alternative: Alternative | string) => forkTimes(alternative, times));
  const alternatives = all ? token.alternatives : token.alternatives.slice(0, FEW);
  const more = token.alternatives.length - alternatives.length;
  if (alternatives.length === 0 && !fork) return null;
  return (
    <section className="mt-2 border-t border-line pt-2" aria-label="Alternatives">
      {fork && (
        <div className="mb-1.5 flex items-center gap-2 text-muted">
          Continuations at once
          <span className="num ml-auto">
            <Segments
              label="Continuations at once"
              value={String(times)}
              onChange={(next) => useSettings.setState({ continuations: Number(next) })}
              options={TIMES.map((n) => ({ value: String(n), label: String(n) }))}
            />
          </span>
        </div>
      )}
      <ol>
        {alternatives.map((alternative, rank) => (
          <Choice
            key={alternative.token_id ?? `${rank} ${alternative.token}`}
            alternative={alternative}
            chosen={isChosen(token, alternative)}
            first={rank === 0}
            fork={fork}
          />
        ))}
      </ol>
      {fork && more > 0 && (
        <button
          type="button"
          className="pl-1.5 text-xs text-muted hover:text-ink"
          onClick={() => setAll(true)}
        >
          {more} more
        </button>
      )}
      {fork && <TypedFork fork={fork} first={alternatives.length === 0} />}
    </section>
  );
}

function TypedFork({ fork, first }: { fork: (alternative: string) => void; first: boolean }) {
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text !== "") fork(text);
  };
  return (
    <form className="mt-1.5 flex gap-2" onSubmit={submit}>
      <input
        className="num min-w-0 flex-1 rounded-md border border-line-strong bg-page px-2 py-1"
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder="or type what comes here"
        aria-label="Text to continue with instead of this token"
        spellCheck={false}
        data-first={first || undefined}
      />
      <button
        type="submit"
        className="shrink-0 rounded-md border border-line-strong px-2 py-1 enabled:hover:bg-panel disabled:text-faint"
        disabled={text === ""}
      >
        Fork here
      </button>
    </form>
  );
}
