/** On a narrow screen the rows of a table that would not fit are blocks, each cell beside the name of its column. */
import { useLayoutEffect, useState } from 'react';
import { SelectBox } from './fields.js';

/** A wider table that does not fit scrolls to the side. */
const STACKED_PIXELS_MAX = 700;

/** Whether the rows of a table that needs so much room are shown as blocks within the element. */
export function useStacked(within: HTMLElement | null, widthRem: number): boolean {
  const [isStacked, setStacked] = useState(false);
  useLayoutEffect(() => {
    if (within === null) return undefined;
    const look = () => {
      const remPixels = parseFloat(getComputedStyle(document.documentElement).fontSize);
      setStacked(within.clientWidth < Math.min(widthRem * remPixels, STACKED_PIXELS_MAX));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(within);
    return () => observer.disconnect();
  }, [within, widthRem]);
  return isStacked;
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
