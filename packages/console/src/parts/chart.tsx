/** A chart with the same numbers as a table. The library is loaded while the first page with a chart waits for its numbers. */
import { lazy, Suspense, useState, type ReactNode } from 'react';
import type { ChartData } from './chart-canvas.js';

export type { ChartData, Series } from './chart-canvas.js';

const library = import('./chart-canvas.js');
// A page without a chart does not miss it; one with a chart says what went wrong.
library.catch(() => {});
const Canvas = lazy(async () => ({ default: (await library).ChartCanvas }));

export function Chart({
  title,
  description,
  data,
  children,
}: {
  title: string;
  /** What the chart says, in a sentence, for those who do not see it. */
  description: string;
  data: ChartData;
  /** The table of the same numbers. */
  children: ReactNode;
}) {
  return (
    <figure className="chart" aria-label={title}>
      <div className="canvas">
        <Suspense fallback={<div className="loading" />}>
          <Canvas data={data} description={description} />
        </Suspense>
      </div>
      <Rows title={title}>{children}</Rows>
    </figure>
  );
}

/** Drawn when they are asked for: they are most of a page. */
function Rows({ title, children }: { title: string; children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details open={isOpen}>
      <summary
        onClick={(event) => {
          event.preventDefault();
          setOpen(!isOpen);
        }}
      >
        {title} as a table
      </summary>
      {isOpen && children}
    </details>
  );
}
