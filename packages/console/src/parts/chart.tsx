/** A chart with the same numbers as a table. The library is loaded when the first chart is shown. */
import { lazy, Suspense, type ReactNode } from 'react';
import type { ChartData } from './chart-canvas.js';

export type { ChartData, Series } from './chart-canvas.js';

const Canvas = lazy(async () => ({ default: (await import('./chart-canvas.js')).ChartCanvas }));

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
      <details>
        <summary>{title} as a table</summary>
        {children}
      </details>
    </figure>
  );
}
