import { ArrowLeftRight, MessageSquare, SlidersHorizontal, Square } from "lucide-react";
import { useMemo, useState } from "react";
import type { Samplers } from "@/api/samplers";
import { useServer } from "@/api/server";
import { AnswerState } from "@/chat/AnswerState";
import { AnswerBody, QuietLine, useAnswer } from "@/chat/AssistantMessage";
import { EXAMPLES } from "@/chat/examples";
import { PathsLine } from "@/chat/PathsLine";
import { ViewBar } from "@/chat/ViewBar";
import { Button, IconButton, inputLook } from "@/kit/controls";
import { Modal } from "@/kit/dialog";
import { plural } from "@/lib/format";
import { PresetSelect } from "@/sampler/PresetSelect";
import { SamplerForm } from "@/sampler/SamplerPanel";
import { useCurrent, useMessages, useSystemPrompt, useUnderWay } from "@/store/current";
import { runPair, stop } from "@/store/generation";
import {
  type Conversation,
  changesIn,
  DEFAULT_SAMPLER,
  type Message,
  type SamplerSettings,
  settingsOn,
} from "@/store/model";
import { goTo, useRoute } from "@/store/route";
import { useSettings } from "@/store/settings";
import { underWay } from "@/store/status";
import { Summary } from "./Summary";

type Pair = NonNullable<Conversation["pair"]>;

const START: Pair = {
  left: { ...DEFAULT_SAMPLER, maxTokens: 256 },
  right: { ...DEFAULT_SAMPLER, preset: "normal", maxTokens: 256 },
  sameSeed: true,
};

function Side({
  name,
  settings,
  samplers,
  onChange,
}: {
  name: string;
  settings: SamplerSettings;
  samplers: Samplers;
  onChange: (change: Partial<SamplerSettings>) => void;
}) {
  const [open, setOpen] = useState(false);
  const changes = changesIn(settings);
  return (
    <div className="flex min-w-56 flex-1 items-center gap-1.5">
      <PresetSelect samplers={samplers} settings={settings} onChange={onChange} label={`${name} sampler`} />
      <Button
        className="relative"
        aria-label={`Change the ${name.toLowerCase()} sampler`}
        onClick={() => setOpen(true)}
      >
        <SlidersHorizontal size={14} aria-hidden />
        {changes > 0 && <span className="num text-xs text-accent">{changes}</span>}
      </Button>
      <Modal open={open} onClose={() => setOpen(false)} title={`${name} sampler`}>
        <SamplerForm settings={settings} onChange={onChange} samplers={samplers} />
      </Modal>
    </div>
  );
}

function Column({ message, settings }: { message: Message | undefined; settings: SamplerSettings }) {
  const samplers = useServer((s) => s.samplers);
  const sampler = message?.answer?.sampler ?? settingsOn(samplers, settings);
  const changes = changesIn(sampler);
  return (
    <div className="min-h-40 min-w-0 flex-none px-4 py-4 @2xl:min-h-0 @2xl:flex-1 @2xl:overflow-y-auto">
      <h2 className="mb-2 text-[13px] font-semibold">
        {sampler.preset}
        {changes > 0 && <span className="font-normal text-muted"> · {plural(changes, "change")}</span>}
      </h2>
      {message ? (
        <Answered message={message} />
      ) : (
        <p className="text-sm text-muted">Its answer appears here.</p>
      )}
    </div>
  );
}

function Answered({ message }: { message: Message }) {
  const answer = useAnswer(message);
  if (!answer) return null;
  return (
    <article
      aria-label={answer.label}
      aria-busy={underWay(answer)}
      data-role="assistant"
      data-id={message.id}
      data-status={answer.status}
    >
      <AnswerBody message={message} answer={answer} />
      <AnswerState message={message} answer={answer} />
      <PathsLine message={message} />
      {answer.tokens.length > 0 && (
        <div className="mt-3">
          <QuietLine message={message} answer={answer} />
        </div>
      )}
    </article>
  );
}

/** The two answers of a stored comparison: the first two below its prompt, or branches chosen since. */
function usePairMessages(conversation: Conversation | null): (Message | undefined)[] {
  const messages = useMessages(conversation?.id ?? null);
  return useMemo(() => {
    const answers = Object.values(messages).filter((m) => m.role === "assistant" && !m.answer?.fork);
    return answers.sort((a, b) => a.created - b.created).slice(0, 2);
  }, [messages]);
}

function Examples({ onChoose }: { onChoose: (prompt: string) => void }) {
  return (
    <ul aria-label="Example prompts" className="flex flex-wrap gap-1.5">
      {EXAMPLES.map(({ prompt }) => (
        <li key={prompt}>
          <Button className="h-7! rounded-full! text-[13px]!" onClick={() => onChoose(prompt)}>
            {prompt}
          </Button>
        </li>
      ))}
    </ul>
  );
}

function Form({
  fresh,
  prompt,
  pair,
  setPrompt,
  setPair,
  running,
}: {
  /** Nothing has been run yet. */
  fresh: boolean;
  prompt: string;
  pair: Pair;
  setPrompt: (prompt: string) => void;
  setPair: (pair: Pair) => void;
  running: string[];
}) {
  const samplers = useServer((s) => s.samplers);
  const connection = useServer((s) => s.connection);
  const [systemPrompt] = useSystemPrompt();
  const ready = prompt.trim() !== "" && running.length === 0 && connection === "ok";
  const run = () => ready && goTo(runPair(prompt, pair, systemPrompt));
  return (
    <form
      className="shrink-0 space-y-2 border-b border-line px-4 py-3"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <div className="flex items-end gap-2">
        <textarea
          aria-label="Prompt for both"
          placeholder="One prompt, two samplers"
          rows={1}
          className={`${inputLook} field-sizing-content max-h-40 min-h-9 w-full resize-none py-1.5 leading-5`}
          value={prompt}
          onChange={(event) => setPrompt(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            run();
          }}
        />
        {running.length > 0 ? (
          <Button className="h-9!" onClick={() => running.forEach(stop)}>
            <Square size={11} fill="currentColor" aria-hidden /> Stop both
          </Button>
        ) : (
          <Button type="submit" look="primary" className="h-9!" disabled={!ready}>
            Run both
          </Button>
        )}
      </div>
      {fresh && prompt === "" && <Examples onChoose={setPrompt} />}
      {samplers && (
        <div className="flex flex-wrap items-center gap-2 @2xl:flex-nowrap">
          <Side
            name="Left"
            settings={settingsOn(samplers, pair.left)}
            samplers={samplers}
            onChange={(change) => setPair({ ...pair, left: { ...pair.left, ...change } })}
          />
          <IconButton
            icon={ArrowLeftRight}
            label="Swap the samplers"
            onClick={() => setPair({ ...pair, left: pair.right, right: pair.left })}
          />
          <Side
            name="Right"
            settings={settingsOn(samplers, pair.right)}
            samplers={samplers}
            onChange={(change) => setPair({ ...pair, right: { ...pair.right, ...change } })}
          />
          <label className="flex h-8 shrink-0 items-center gap-2 text-[13px]">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={pair.sameSeed}
              onChange={(event) => setPair({ ...pair, sameSeed: event.target.checked })}
            />
            Same seed
          </label>
        </div>
      )}
    </form>
  );
}

/** The last pair of samplers run, kept for the next comparison. */
function initialPair(conversation: Conversation | null): Pair {
  if (conversation?.pair) return conversation.pair;
  const { sampler } = useSettings.getState().draft;
  return sampler.preset === "normal"
    ? START
    : { ...START, left: { ...sampler, maxTokens: START.left.maxTokens } };
}

function Desk({ conversation }: { conversation: Conversation | null }) {
  const messages = useMessages(conversation?.id ?? null);
  const question = Object.values(messages).find((m) => m.parentId === null)?.content ?? "";
  const [prompt, setPrompt] = useState(question);
  const [pair, setPair] = useState(() => initialPair(conversation));
  const running = useUnderWay(conversation?.id ?? null);
  const [left, right] = usePairMessages(conversation);
  return (
    <section aria-label="Side by side" className="@container flex h-full min-h-0 flex-col">
      <h1 className="sr-only">Side by side</h1>
      <Form
        fresh={conversation === null}
        prompt={prompt}
        pair={pair}
        setPrompt={setPrompt}
        setPair={setPair}
        running={running}
      />
      {left && right && <Both left={left} right={right} />}
      <div className="flex shrink-0 items-center border-b border-line [&_[data-bar]]:border-b-0">
        <div className="min-w-0 flex-1">
          <ViewBar />
        </div>
        {conversation && (
          <IconButton
            icon={MessageSquare}
            label="Show as a conversation with two branches"
            className="mr-2"
            onClick={() => useRoute.setState({ screen: "chat" })}
          />
        )}
      </div>
      <div className="flex min-h-0 flex-1 flex-col divide-y divide-line overflow-y-auto @2xl:flex-row @2xl:divide-x @2xl:divide-y-0 @2xl:overflow-hidden">
        <Column message={left} settings={pair.left} />
        <Column message={right} settings={pair.right} />
      </div>
    </section>
  );
}

function Both({ left, right }: { left: Message; right: Message }) {
  const a = useAnswer(left);
  const b = useAnswer(right);
  return a && b ? <Summary left={a} right={b} /> : null;
}

/** One prompt under two samplers at once. Each run is kept as a conversation of its own. */
export default function SideBySide() {
  const conversation = useCurrent();
  return <Desk key={conversation?.id ?? "new"} conversation={conversation} />;
}
