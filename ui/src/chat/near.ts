import { type RefObject, useEffect, useState } from "react";

/** How far from the visible part a message is prepared, so that scrolling finds it ready. */
const MARGIN = "1500px 0px";

interface Watch {
  observer: IntersectionObserver;
  onNear: Map<Element, () => void>;
}

/** One observer for each box that scrolls. */
const watches = new WeakMap<Element, Watch>();

function watchOf(root: Element): Watch {
  const known = watches.get(root);
  if (known) return known;
  const onNear = new Map<Element, () => void>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) onNear.get(target)?.();
    },
    { root, rootMargin: MARGIN },
  );
  const watch = { observer, onNear };
  watches.set(root, watch);
  return watch;
}

/**
 * Whether a message has been near the visible part of its box, or was from the start. A conversation of hundreds of
 * messages opens with the plain text of those that are far, which the browser can search and skip; once near, a message
 * stays complete.
 */
export function useNear(
  message: RefObject<Element | null>,
  box: RefObject<Element | null>,
  fromStart: boolean,
): boolean {
  const [near, setNear] = useState(fromStart);
  useEffect(() => {
    const element = message.current;
    if (near || !element || !box.current) return;
    const { observer, onNear } = watchOf(box.current);
    onNear.set(element, () => setNear(true));
    observer.observe(element);
    return () => {
      observer.unobserve(element);
      onNear.delete(element);
    };
  }, [near, message, box]);
  return near;
}
