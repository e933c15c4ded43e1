/** Draws bars or lines with Chart.js, in the colours of the theme. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart as ChartJs,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js';
import { useEffect, useRef, useState } from 'react';

ChartJs.register(
  BarController, BarElement, CategoryScale, Filler, LinearScale, LineController, LineElement, PointElement, Tooltip,
); // prettier-ignore

export type Series = {
  readonly label: string;
  /** Null where there is nothing to draw. */
  readonly values: readonly (number | null)[];
  /** `--series-0` and so on; without it the place among the series. */
  readonly colour?: string;
  readonly isDashed?: boolean;
  /** What is read beside the pointer, exact where `values` are rounded; without it `textOf`. */
  readonly texts?: readonly string[];
};

export type ChartData = {
  readonly kind: 'bars' | 'stacked bars' | 'lines';
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  /** How a value reads, on the axis and beside the pointer. */
  readonly textOf: (value: number) => string;
  /** Called with the place of the bar or point that was chosen. */
  readonly onChoose?: ((index: number, series: number) => void) | undefined;
};

const SERIES_COLOURS = 6;

export function ChartCanvas({ data, description }: { data: ChartData; description: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const chart = new ChartJs(canvas.current!, configOf(data, colourIn(theme)));
    return () => chart.destroy();
  }, [data, theme]);
  return <canvas ref={canvas} role="img" aria-label={description} />;
}

type Theme = { readonly [name: string]: string };

const COLOURS = [
  '--quiet',
  '--grid',
  '--accent',
  '--series-other',
  ...[0, 1, 2, 3, 4, 5].map((n) => `--series-${n}`),
];

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(name).trim()]));
}

function colourIn(theme: Theme): (name: string) => string {
  return (name) => theme[name] ?? '';
}

/** Changes whenever the colours do, whether they were chosen here or by the system. */
function useTheme(): Theme {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    const follow = () => setTheme(readTheme());
    const observer = new MutationObserver(follow);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', follow);
    return () => {
      observer.disconnect();
      system.removeEventListener('change', follow);
    };
  }, []);
  return theme;
}

function configOf({ kind, labels, series, textOf, onChoose }: ChartData, colour: (name: string) => string) {
  const isStacked = kind === 'stacked bars';
  return {
    type: kind === 'lines' ? ('line' as const) : ('bar' as const),
    data: {
      labels: [...labels],
      datasets: series.map(({ label, values, isDashed, ...given }, index) => {
        const drawn = colour(given.colour ?? `--series-${index % SERIES_COLOURS}`);
        return {
          label,
          data: [...values],
          borderColor: drawn,
          backgroundColor: drawn,
          borderWidth: kind === 'lines' ? 2 : 0,
          borderDash: isDashed ? [5, 4] : [],
          borderRadius: 2,
          pointRadius: 0,
          pointHitRadius: 10,
          tension: 0,
        };
      }),
    },
    options: {
      responsive: true,
      maintainAspectRatio: false,
      animation: false as const,
      interaction: { mode: 'index' as const, intersect: false },
      onClick: (_event: unknown, items: readonly { index: number; datasetIndex: number }[]) => {
        const [item] = items;
        if (item !== undefined) onChoose?.(item.index, item.datasetIndex);
      },
      plugins: { legend: { display: false }, tooltip: tooltipOf(series, textOf) },
      scales: {
        x: {
          stacked: isStacked,
          grid: { display: false },
          ticks: { color: colour('--quiet'), maxRotation: 0, autoSkipPadding: 12 },
        },
        y: {
          stacked: isStacked,
          beginAtZero: true,
          grid: { color: colour('--grid') },
          border: { display: false },
          ticks: {
            color: colour('--quiet'),
            maxTicksLimit: 5,
            callback: (value: number | string) => textOf(Number(value)),
          },
        },
      },
    },
  };
}

type Pointed = {
  readonly datasetIndex: number;
  readonly dataIndex: number;
  readonly parsed: { y: number | null };
};

/** What is nothing is left out. */
function tooltipOf(series: readonly Series[], textOf: ChartData['textOf']) {
  return {
    filter: ({ parsed }: Pointed) => (parsed.y ?? 0) !== 0,
    callbacks: {
      label: ({ datasetIndex, dataIndex, parsed }: Pointed) => {
        const { label = '', texts } = series[datasetIndex] ?? {};
        return `${label}: ${texts?.[dataIndex] ?? textOf(parsed.y ?? 0)}`;
      },
    },
  };
}
