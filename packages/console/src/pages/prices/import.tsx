/** Importing a price map: the difference by model and field first, then the job that publishes it. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { Loading } from '../../parts/awaited.js';
import { Tick } from '../../parts/fields.js';
import { outcomeOf } from '../../parts/job.js';
import { PageHead } from '../../parts/page-head.js';
import { Problem } from '../../parts/problem.js';
import { plural } from '../../parts/times.js';
import { ImportDifference } from './import-difference.js';
import { PricesTabs } from './prices-tabs.js';

type Difference = Schemas['PriceImport'];
type Options = { readonly allow_lossy: boolean; readonly allow_free: boolean; readonly overwrite: boolean };
/** A file with the options that it was compared under: what is published is what was shown. */
type Compared = { readonly file: File; readonly options: Options; readonly difference: Difference };

const NONE: Options = { allow_lossy: false, allow_free: false, overwrite: false };

export function ImportPage() {
  const [file, setFile] = useState<File | null>(null);
  const [options, setOptions] = useState(NONE);
  const [compared, setCompared] = useState<Compared | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isWaiting, setWaiting] = useState(false);
  const compare = async () => {
    if (file === null) return;
    setWaiting(true);
    setError(null);
    setCompared(null);
    try {
      setCompared({ file, options, difference: (await send(file, options, null)) as Difference });
    } catch (thrown) {
      setError(thrown);
    } finally {
      setWaiting(false);
    }
  };
  const change = (next: { file?: File | null; options?: Options }) => {
    if (next.file !== undefined) setFile(next.file);
    if (next.options !== undefined) setOptions(next.options);
    setCompared(null);
  };
  return (
    <>
      <PageHead
        title="Import prices"
        lead="LiteLLM’s model_prices_and_context_window.json, models.dev’s api.json or genai-prices’ data.json, up to 32 MiB."
      />
      <PricesTabs />
      <form
        className="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          void compare();
        }}
      >
        <label className="field" htmlFor="map">
          <span className="strong">Price map</span>
          <input
            id="map"
            type="file"
            accept=".json,application/json"
            onChange={({ target }) => change({ file: target.files?.[0] ?? null })}
          />
        </label>
        <OptionFields options={options} onChange={(next) => change({ options: next })} />
        <div className="row">
          <button type="submit" className="primary" disabled={file === null || isWaiting}>
            {isWaiting ? 'Comparing…' : 'Show the difference'}
          </button>
          <span className="quiet">This publishes nothing.</span>
        </div>
        {error !== null && <Problem error={error} />}
      </form>
      {isWaiting && <Loading lines={8} />}
      {compared !== null && (
        <ImportDifference difference={compared.difference} act={<PublishAll compared={compared} />} />
      )}
    </>
  );
}

function OptionFields({ options, onChange }: { options: Options; onChange: (options: Options) => void }) {
  return (
    <>
      <Tick
        label="Replace prices that were set by hand"
        isSelected={options.overwrite}
        onChange={(overwrite) => onChange({ ...options, overwrite })}
      />
      <Tick
        label="Import entries with fields that Tally cannot charge, without these fields"
        isSelected={options.allow_lossy}
        onChange={(allow_lossy) => onChange({ ...options, allow_lossy })}
      />
      <Tick
        label="Import entries that are free, for all or for some requests"
        isSelected={options.allow_free}
        onChange={(allow_free) => onChange({ ...options, allow_free })}
      />
    </>
  );
}

/** Publishes only the difference that was shown. */
function PublishAll({ compared }: { compared: Compared }) {
  const { file, options, difference } = compared;
  const { changes, kept, skipped } = difference;
  if (changes.length === 0) return <span className="quiet">Nothing to publish.</span>;
  const first = changes.filter(({ before }) => before === null).length;
  return (
    <ActButton
      needs="POST /v1/admin/prices/import"
      label={`Publish ${plural(changes.length, 'price')}…`}
      className="primary"
    >
      {(close) => (
        <ActDialog
          title="Publish these prices"
          verb="Publish"
          entity={null}
          fields={<p>{file.name}: the difference is compared once more, as it is now.</p>}
          onClose={close}
          preview={async () => {
            const again = (await send(file, options, null)) as Difference;
            const differs = again.changes.length !== changes.length;
            return {
              sentences: [
                `${plural(again.changes.length, 'list price')} ${again.changes.length === 1 ? 'is' : 'are'} published, from now on, for every customer without a price of its own.`,
                ...(differs
                  ? [
                      'The price book has changed since the difference was shown: close this and compare again to see it.',
                    ]
                  : []),
                ...(first > 0
                  ? [`${plural(first, 'model')} had no price: usage of them that waits is charged.`]
                  : []),
                ...(kept.length > 0
                  ? [`${plural(kept.length, 'price')} set by hand stay${kept.length === 1 ? 's' : ''}.`]
                  : []),
                ...(skipped.length > 0
                  ? [
                      `${plural(skipped.length, 'entry').replace('entrys', 'entries')} of the file ${skipped.length === 1 ? 'is' : 'are'} skipped.`,
                    ]
                  : []),
                'Usage that was rated already keeps its price.',
              ],
            };
          }}
          perform={async (headers) =>
            outcomeOf<Difference>(
              await send(file, options, headers),
              ({ changes: done }) =>
                `${plural(done.length, 'price')} ${done.length === 1 ? 'is' : 'are'} published.`,
            )
          }
        />
      )}
    </ActButton>
  );
}

/** The file goes as it is, in its own bytes. */
function send(file: File, options: Options, headers: ActHeaders | null) {
  return answered(
    api.POST('/v1/admin/prices/import', {
      params: { query: { ...options, dry_run: headers === null } },
      headers: { 'content-type': 'application/json', ...headers },
      body: file as never,
      bodySerializer: (body: unknown) => body as File,
    }),
  );
}
