/** Sparing the frames of a streaming answer: views that cost milliseconds take turns. The text itself does not wait. */
import { type ComponentType, memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { drawView } from "@/lib/frames";
import type { Answer, OnFork } from "@/types";

/** A value as of this view's last turn. */
export function useTurn<T extends object | null>(value: T): T {
  const [shown, setShown] = useState(value);
  const latest = useRef(value);
  // At once, so that the time it takes is known when the next view asks for the same frame.
  const [turn] = useState(() => () => flushSync(() => setShown(latest.current)));
  const cancel = useRef<() => void>(undefined);
  useEffect(() => {
    latest.current = value;
    if (value !== shown) cancel.current = drawView(turn);
  }, [value, shown, turn]);
  useEffect(() => () => cancel.current?.(), []);
  return shown;
}

/** Answers as of this view's last turn while they only grow; as they are once anything else about them changes. */
export function useTurns(answers: readonly Answer[]): readonly Answer[] {
  const shown = useTurn(answers);
  return onlyGrew(shown, answers) ? shown : answers;
}

/** Whether nothing happened but that tokens arrived, or ceased to: nothing that is on the screen became wrong. */
export function onlyGrew(before: readonly Answer[], now: readonly Answer[]): boolean {
  return (
    before.length === now.length &&
    now.every((answer, i) => {
      const old = before[i] as Answer;
      if (old === answer) return true;
      const last = old.tokens.length - 1;
      const grew =
        last >= 0 && old.tokens[last] === answer.tokens[last] && old.tokens[0] === answer.tokens[0];
      return old.id === answer.id && old.config === answer.config && grew;
    })
  );
}

interface OneAnswer {
  answer: Answer;
  onFork?: OnFork | undefined;
}

/** A view of one answer that is drawn again in its turns only, however often its parent is. */
export function inTurns<P extends OneAnswer>(View: ComponentType<P>): ComponentType<P> {
  const Kept = memo(View) as unknown as ComponentType<P>;
  return function InTurns(props: P) {
    const { answer, onFork } = props;
    const alone = useRef<readonly Answer[]>([]);
    if (alone.current[0] !== answer) alone.current = [answer];
    const [shown] = useTurns(alone.current);
    const fork = useSteady(onFork);
    return <Kept {...props} answer={shown} onFork={fork} />;
  };
}

/** The same function for ever, calling the latest one. */
function useSteady(onFork: OnFork | undefined): OnFork | undefined {
  const latest = useRef(onFork);
  useLayoutEffect(() => {
    latest.current = onFork;
  }, [onFork]);
  const steady = useCallback<OnFork>((...asked) => latest.current?.(...asked), []);
  return onFork && steady;
}
