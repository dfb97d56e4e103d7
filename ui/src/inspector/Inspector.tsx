import { Tabs } from "@base-ui/react/tabs";
import { lazy, type ReactNode, Suspense } from "react";
import { SamplerPanel } from "@/sampler/SamplerPanel";
import { useChats } from "@/store/chats";
import type { Message } from "@/store/model";
import { type InspectorTab, useSettings } from "@/store/settings";
import { underWay } from "@/store/status";
import type { Answer } from "@/types";
import { ForksTab } from "./ForksTab";
import { useForking } from "./forking";
import { useInspected } from "./inspected";
import { TABS } from "./tabs";

const TokenList = lazy(() => import("@/instruments/TokenList").then((m) => ({ default: m.TokenList })));
const QuadrantMap = lazy(() => import("@/instruments/QuadrantMap").then((m) => ({ default: m.QuadrantMap })));
const TimelineTab = lazy(() => import("./TimelineTab").then((m) => ({ default: m.TimelineTab })));

const Loading = () => <p className="p-4 text-sm text-muted">Opening…</p>;

function Nothing({ children }: { children: ReactNode }) {
  return <p className="p-4 text-sm text-muted">{children}</p>;
}

function AnswerPanel({ tab, message, answer }: { tab: InspectorTab; message: Message; answer: Answer }) {
  const onFork = useForking(message);
  if (answer.tokens.length === 0 && !underWay(answer))
    return <Nothing>Nothing is known of this answer's tokens.</Nothing>;
  if (tab === "tokens") return <TokenList answer={answer} onFork={onFork} />;
  if (tab === "timeline") return <TimelineTab inspected={message} answer={answer} />;
  return <QuadrantMap answers={[answer]} />;
}

function AnswerTab({ tab }: { tab: InspectorTab }) {
  const message = useInspected();
  const answer = useChats((s) => (message ? s.answers[message.id] : undefined));
  if (!message || !answer) return <Nothing>Ask something: every token of the answer is listed here.</Nothing>;
  return (
    <Suspense fallback={<Loading />}>
      <AnswerPanel tab={tab} message={message} answer={answer} />
    </Suspense>
  );
}

function Panel({ tab }: { tab: InspectorTab }) {
  if (tab === "sampler") return <SamplerPanel />;
  if (tab === "forks") return <ForksTab />;
  return <AnswerTab tab={tab} />;
}

/** The right column: one answer from every side, the sampler, and the branches. */
export function Inspector() {
  const tab = useSettings((s) => s.tab);
  return (
    <Tabs.Root
      value={tab}
      onValueChange={(next) => useSettings.setState({ tab: next as InspectorTab })}
      className="flex h-full min-h-0 flex-col"
      aria-label="Inspector"
      render={<aside />}
    >
      <Tabs.List className="flex h-[41px] shrink-0 items-end gap-4 overflow-x-auto border-b border-line px-4">
        {TABS.map(({ value, label }) => (
          <Tabs.Tab
            key={value}
            value={value}
            className="-mb-px h-9 border-b-2 border-transparent text-[13px] text-muted outline-offset-[-2px] transition-colors hover:text-ink data-active:border-ink data-active:text-ink"
          >
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel
        key={tab}
        value={tab}
        className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain outline-offset-[-2px]"
      >
        <Panel tab={tab} />
      </Tabs.Panel>
    </Tabs.Root>
  );
}
