/** On a narrow screen links scroll to the side: the current one is scrolled into sight, also when one before it gets wider. */
import { useEffect, useRef } from 'react';

export function useCurrentInSight() {
  const links = useRef<HTMLElement>(null);
  useEffect(() => {
    const nav = links.current;
    if (nav === null) return undefined;
    const show = () => {
      const current = nav.querySelector<HTMLElement>('[aria-current]');
      if (current)
        nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
    };
    // It reports each link at once, after the layout of the page.
    const observer = new ResizeObserver(show);
    for (const each of [nav, ...nav.children]) observer.observe(each);
    return () => observer.disconnect();
  });
  return links;
}
