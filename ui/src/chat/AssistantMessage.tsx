import { GitFork, PanelRight, RefreshCw, ScanText, Split } from "lucide-react";
import { lazy, memo, Suspense, useEffect, useMemo } from "react";
import { everywhere, useForking } from "@/inspector/forking";
import { inspect, useInspected } from "@/inspector/inspected";
import { ShareBar } from "@/instruments/ShareBar";
import { useSelection } from "@/instruments/selection";
import { TokenText } from "@/instruments/TokenText";
import { thoughtsEnd } from "@/instruments/thoughts";
import { IconButton } from "@/kit/controls";
import { attempt } from "@/kit/notices";
import { plural } from "@/lib/format";
import { loadAnswer, showMessage, useChats } from "@/store/chats";
import { regenerate } from "@/store/generation";
import { changesIn, type Message } from "@/store/model";
import { togglePrompt, usePrompts } from "@/store/prompts";
import { useSettings } from "@/store/settings";
import { underWay } from "@/store/status";
import type { Answer } from "@/types";
import { AnswerState } from "./AnswerState";
import { BranchPicker } from "./BranchPicker";
import { CopyButton } from "./CodeBlock";
import { FirstHint } from "./FirstHint";
import { PathsLine } from "./PathsLine";
import { PromptTokens } from "./PromptTokens";
import { Thoughts } from "./Thoughts";

const Markdown = lazy(() => import("./Markdown"));

/** Plain text while the formatter is on its way. */
const Plain = ({ text }: { text: string }) => <div className="whitespace-pre-wrap">{text}</div>;

export function AnswerBody({ message, answer }: { message: Message; answer: Answer }) {
  const view = useSettings((s) => s.view);
  const colourBy = useSettings((s) => s.colourBy);
  const onFork = useForking(message);
  const begin = useMemo(() => thoughtsEnd(answer.tokens), [answer.tokens]);
  const thoughts = begin > 0 && <Thoughts answer={answer} end={begin} onFork={onFork} />;
  if (begin > 0 && begin === answer.tokens.length) return thoughts;
  if (view === "tokens" && (answer.tokens.length > 0 || !answer.text))
    return (
      <>
        {thoughts}
        <TokenText answer={answer} colourBy={colourBy} onFork={onFork} from={begin} />
      </>
    );
  return (
    <>
      {thoughts}
      <Suspense fallback={<Plain text={answer.text} />}>
        <Markdown text={answer.text} streaming={underWay(answer)} />
      </Suspense>
    </>
  );
}

/** The plain sampler sorts nothing: its answers show their doubts in one hue. */
function NoQuadrants() {
  const shown = useSettings((s) => s.view === "tokens" && s.colourBy === "quadrant");
  return shown ? (
    <span>No quadrants under this sampler: one colour, stronger where it was less sure</span>
  ) : null;
}

/** "128 tokens · 8.4 s · entropix · seed 7" and the share bar: one quiet line. */
export function QuietLine({ message, answer }: { message: Message; answer: Answer }) {
  const settings = message.answer?.sampler;
  const changed = settings && changesIn(settings) > 0;
  const facts = [
    plural(answer.tokens.length, "token"),
    answer.seconds === null ? null : `${answer.seconds.toFixed(1)} s`,
    settings ? `${settings.preset}${changed ? " (changed)" : ""}` : null,
    settings ? `seed ${settings.seed}` : null,
  ];
  const plain = answer.tokens.at(-1)?.quadrant === null;
  return (
    <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted">
      <span className="num">{facts.filter(Boolean).join(" · ")}</span>
      <ShareBar answer={answer} />
      {plain && <NoQuadrants />}
    </div>
  );
}

function ForkedFrom({ message }: { message: Message }) {
  const fork = message.answer?.fork;
  if (!fork) return null;
  return (
    <button
      type="button"
      className="mb-1 inline-flex items-center gap-1.5 text-xs text-muted hover:text-ink"
      onClick={() => {
        showMessage(message.conversationId, fork.from);
        useSelection.getState().select({ answerId: fork.from, index: fork.index }, "text");
      }}
    >
      <Split size={13} className="rotate-90" aria-hidden />
      <span>
        Forked at token <span className="num">{fork.index + 1}</span>. Show the original
      </span>
    </button>
  );
}

export function useAnswer(message: Message): Answer | undefined {
  const answer = useChats((s) => s.answers[message.id]);
  useEffect(() => void loadAnswer(message), [message]);
  return answer;
}

export const AssistantMessage = memo(function AssistantMessage({ message }: { message: Message }) {
  const answer = useAnswer(message);
  const inspected = useInspected()?.id === message.id;
  const prompted = usePrompts((s) => s[message.id]?.shown === true);
  const busy = underWay(message.answer);
  return (
    <article
      aria-label="Answer"
      aria-busy={busy}
      className="group/message"
      data-role="assistant"
      data-id={message.id}
      data-status={message.answer?.status}
    >
      <ForkedFrom message={message} />
      <PromptTokens message={message} />
      <div className="answer min-h-6">{answer && <AnswerBody message={message} answer={answer} />}</div>
      <AnswerState message={message} answer={answer} />
      <PathsLine message={message} />
      <footer className="mt-2 min-h-8">
        {answer && answer.tokens.length > 0 && <QuietLine message={message} answer={answer} />}
        <div className="-ml-2 flex h-8 items-center pointer-coarse:h-10">
          <BranchPicker message={message} />
          <div className="reveal flex">
            <CopyButton label="Copy answer" text={() => answer?.text ?? message.content} />
            <IconButton
              icon={RefreshCw}
              size={15}
              label="Regenerate"
              disabled={busy}
              onClick={() => regenerate(message)}
            />
            <IconButton
              icon={GitFork}
              size={15}
              label="Fork everywhere it hesitated"
              disabled={busy}
              onClick={() => everywhere(message)}
            />
            <IconButton
              icon={ScanText}
              size={15}
              label="Show the prompt's tokens"
              aria-pressed={prompted}
              disabled={busy}
              onClick={() => void attempt(() => togglePrompt(message))}
            />
            <IconButton
              icon={PanelRight}
              size={15}
              label="Inspect this answer"
              aria-pressed={inspected}
              onClick={() => inspect(message.id)}
            />
          </div>
        </div>
        {inspected && answer?.status === "done" && <FirstHint answer={answer} />}
      </footer>
    </article>
  );
});
