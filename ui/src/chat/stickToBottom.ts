import { type RefObject, useCallback, useEffect, useState } from "react";

const NEAR = 48;
/** For so long after a wheel, touch or key, in ms, what scrolls is taken for the person's doing. */
const BY_HAND = 600;
const HANDS = ["wheel", "touchmove", "keydown", "pointerdown"] as const;

/**
 * Keeps a scrolled box at its end while its content grows, until the person scrolls up. Returns whether it is away
 * from the end, and how to go back.
 */
export function useStickToBottom(box: RefObject<HTMLElement | null>, key: unknown) {
  const [away, setAway] = useState(false);
  const toEnd = useCallback(() => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
    setAway(false);
  }, [box]);
  // Another conversation (`key`) starts at its end.
  useEffect(() => {
    const element = box.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    let stuck = true;
    let last = { top: 0, height: 0 };
    let touched = Number.NEGATIVE_INFINITY;
    const onHand = (event: Event) => {
      touched = event.timeStamp;
    };
    const onScroll = (event: Event) => {
      const { scrollTop: top, scrollHeight: height } = element;
      const gap = height - top - element.clientHeight;
      // Messages that take their final height move what is shown, too: that lets go of nothing.
      const person = height === last.height || event.timeStamp - touched < BY_HAND;
      if (top < last.top - 2 && gap > NEAR && person) stuck = false;
      else if (gap <= NEAR) stuck = true;
      last = { top, height };
      setAway(!stuck);
    };
    const follow = new ResizeObserver(() => {
      if (stuck) element.scrollTop = element.scrollHeight;
    });
    follow.observe(content);
    follow.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    for (const name of HANDS) element.addEventListener(name, onHand, { passive: true });
    element.scrollTop = element.scrollHeight;
    return () => {
      follow.disconnect();
      for (const name of HANDS) element.removeEventListener(name, onHand);
      element.removeEventListener("scroll", onScroll);
    };
  }, [box, key]);
  return { away, toEnd };
}
