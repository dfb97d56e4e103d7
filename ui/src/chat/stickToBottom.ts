import { type RefObject, useCallback, useEffect, useState } from "react";

const NEAR = 48;

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
    let last = 0;
    const onScroll = () => {
      const gap = element.scrollHeight - element.scrollTop - element.clientHeight;
      // Growth alone moves nothing up: only a person's scrolling lets go.
      if (element.scrollTop < last - 2 && gap > NEAR) stuck = false;
      else if (gap <= NEAR) stuck = true;
      last = element.scrollTop;
      setAway(!stuck);
    };
    const follow = new ResizeObserver(() => {
      if (stuck) element.scrollTop = element.scrollHeight;
    });
    follow.observe(content);
    follow.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    element.scrollTop = element.scrollHeight;
    return () => {
      follow.disconnect();
      element.removeEventListener("scroll", onScroll);
    };
  }, [box, key]);
  return { away, toEnd };
}
