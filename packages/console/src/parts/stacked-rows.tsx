/** On a narrow screen the rows of a table that would not fit are blocks, each cell beside the name of its column. */
import { useCallback, useState } from 'react';
import { flushSync } from 'react-dom';
import { SelectBox } from './select-box.js';

/** A wider table that does not fit scrolls to the side. */
const STACKED_PIXELS_MAX = 740;
/** About what a page and a card leave free at their sides. */
const EDGES_PIXELS = 64;

/**
 * Whether the rows of a table that needs so much room are shown as blocks within the element that `watch` is the ref of. It begins with a
 * guess and is mended before it is seen: asking how wide an element is while its page is built costs a layout of the page for each table.
 */
export function useStacked(widthRem: number) {
  const [isStacked, setStacked] = useState(() => isTooNarrow(window.innerWidth - EDGES_PIXELS, widthRem));
  const watch = useCallback(
    (element: HTMLElement | null) => {
      if (element === null) return undefined;
      const observer = new ResizeObserver(() => {
        const next = isTooNarrow(element.clientWidth, widthRem);
        flushSync(() => setStacked(next));
      });
      observer.observe(element);
      return () => observer.disconnect();
    },
    [widthRem],
  );
  return { isStacked, watch };
}

function isTooNarrow(pixels: number, widthRem: number): boolean {
  if (pixels >= STACKED_PIXELS_MAX) return false;
  const remPixels = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return pixels < Math.min(widthRem * remPixels, STACKED_PIXELS_MAX);
}

type SortProps = {
  readonly columns: readonly {
    readonly id: string;
    readonly header: string;
    readonly isNumber?: boolean;
    readonly sortBy?: unknown;
  }[];
  readonly sort?: string | undefined;
  readonly onSort?: (sort: string) => void;
};

/** Takes the place of the headers, which sort. */
export function SortSelect({ columns, sort, onSort }: SortProps) {
  const sortable = columns.filter(({ sortBy }) => sortBy !== undefined);
  if (onSort === undefined || sortable.length === 0) return null;
  const options = sortable.flatMap(({ id, header, isNumber }) => {
    const up = { value: id, label: isNumber ? `${header}, smallest first` : header };
    const down = { value: `-${id}`, label: `${header}, ${isNumber ? 'largest first' : 'backwards'}` };
    return isNumber ? [down, up] : [up, down];
  });
  return (
    <div className="row sorted-by">
      <SelectBox label="Sort by" value={sort ?? ''} options={options} onChange={onSort} />
    </div>
  );
}
