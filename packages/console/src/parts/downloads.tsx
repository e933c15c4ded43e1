/** Files that the browser keeps: what a table shows, as CSV, and what the API answers. */
import { useState } from 'react';
import { asApiError } from '../api/errors.js';
import { announce } from './announcements.js';
import { toCsv } from './csv.js';
import type { Column } from './data-table.js';

/** Calls `load` for all rows of the list, also those that the table has not loaded. */
export function CsvButton<T>({
  fileName,
  columns,
  load,
}: {
  fileName: string;
  columns: readonly Column<T>[];
  load: () => Promise<readonly T[]> | readonly T[];
}) {
  return (
    <DownloadButton
      label="CSV"
      fileName={fileName}
      load={async () => new Blob([csvOf(columns, await load())], { type: 'text/csv' })}
    />
  );
}

export function DownloadButton({
  label,
  fileName,
  load,
}: {
  label: string;
  fileName: string;
  load: () => Promise<Blob>;
}) {
  const [isLoading, setLoading] = useState(false);
  const download = async () => {
    setLoading(true);
    try {
      save(await load(), fileName);
      announce(`${fileName} is in your downloads.`);
    } catch (error) {
      announce(`${fileName} could not be made: ${asApiError(error).message}`, 'bad');
    } finally {
      setLoading(false);
    }
  };
  return (
    <button type="button" onClick={() => void download()} disabled={isLoading}>
      {isLoading ? 'Loading…' : label}
    </button>
  );
}

function csvOf<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const kept = columns.filter(({ csv }) => csv !== undefined);
  return toCsv([kept.map(({ id }) => id), ...rows.map((row) => kept.map(({ csv }) => csv?.(row)))]);
}

function save(blob: Blob, fileName: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
