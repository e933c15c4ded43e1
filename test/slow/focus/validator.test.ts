/** Exports of two odd months against the rules of FOCUS 1.2, by the validator of the FinOps Foundation itself, which is installed here. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Period } from '../../../src/domain/period.js';
import { FocusExports } from '../../../src/reports/focus-exports.js';
import { theBooks, type Books } from '../../support/books.js';
import { expectAgreement } from '../../support/correcting.js';
import { checkFocus } from '../../support/focus-checker.js';
import { fillOddMonths } from '../../support/focus-months.js';
import { aPythonVenv } from '../../support/python-venv.js';

const run = promisify(execFile);

/** pyarrow is the newest that takes the NumPy which the validator asks for. */
const REQUIREMENTS = [
  'annotated-types==0.8.0',
  'attrs==26.1.0',
  'certifi==2026.10.19.post1',
  'charset-normalizer==3.5.3',
  'ddt==1.7.2',
  'duckdb==1.5.6',
  'focus_validator==2.2.1',
  'graphviz==0.21',
  'idna==3.20',
  'jsonschema==4.26.0',
  'jsonschema-specifications==2025.9.1',
  'multimethod==2.0.2',
  'mypy_extensions==1.2.0',
  'numpy==1.26.4',
  'packaging==26.4',
  'pandas==2.3.3',
  'pandasql==0.7.3',
  'pandera==0.26.1',
  'polars==1.44.2',
  'polars-runtime-32==1.44.2',
  'pyarrow==21.0.0',
  'pydantic==2.14.4',
  'pydantic_core==2.50.5',
  'python-dateutil==4.0.0',
  'pytz==2025.2',
  'PyYAML==6.0.4',
  'referencing==0.37.0',
  'requests==2.34.2',
  'rpds-py==2026.9.1',
  'SQLAlchemy==2.1.9',
  'sqlglot==27.29.0',
  'tabulate==0.10.0',
  'typeguard==4.6.1',
  'typing-inspect==0.9.0',
  'typing-inspection==0.4.5',
  'typing_extensions==4.16.0',
  'tzdata==2026.6',
  'urllib3==2.8.0',
];

/** What a provider may support, as the specification asks. Rules of the others do not apply, for the reasons given. */
const SUPPORTED = [
  'ACCOUNT_NAMING_SUPPORTED',
  'NEGOTIATED_PRICING_SUPPORTED',
  'PUBLIC_PRICE_LIST_SUPPORTED',
  'SUB_ACCOUNT_SUPPORTED',
  'TAGGING_SUPPORTED',
  'UNIT_PRICING_SUPPORTED',
  'USAGE_MEASUREMENT_SUPPORTED',
];
const UNSUPPORTED: Readonly<Record<string, string>> = {
  AVAILABILITY_ZONE_SUPPORTED: 'nothing is deployed into a zone',
  BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED: 'what is used is billed, and nothing is provisioned',
  CAPACITY_RESERVATION_SUPPORTED: 'no capacity is sold ahead',
  COMMITMENT_DISCOUNT_SUPPORTED: 'credits are paid ahead at the same prices',
  MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED: 'every billing account is an entity',
  MULTIPLE_PRICING_CATEGORIES_SUPPORTED: 'every price is standard',
  MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED: 'every sub account is a project',
  PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED: 'prices and bills are in US dollars',
  REGION_SUPPORTED: 'a region chooses a price, and is not where a resource lies',
  RESOURCE_TYPE_ASSIGNMENT_SUPPORTED: 'a request uses no resource of the customer',
  VIRTUAL_CURRENCY_SUPPORTED: 'credits are US dollars',
};

/** Rules that fail for a reason of their own, and what hangs on them. */
const NOT_KEPT: readonly (readonly [RegExp, string])[] = [
  [
    /^(PricingCurrency|CostAndUsage-D-0(46|47|48|50|51|52|54|55|56)-C$)/,
    'columns for prices in a virtual currency, which the validator wants of publishers of a price list',
  ],
  [/^InvoiceId-C-00[45]-C$/, 'one wants an id in every row and one in none: the validator knows no invoices'],
  [
    /^ConsumedQuantity-C-001-M$/,
    'a column of whole numbers alone is read as integers, which are no decimals',
  ],
  [
    /^ConsumedQuantity-C-00[03456]-C$/,
    'corrections other than usage have none, as the text of the rule asks and its condition has the other way round',
  ],
];

const PERIODS = ['2026-10', '2026-11'] as const;

const venv = await aPythonVenv({ name: 'focus-validator', requirements: REQUIREMENTS, python: '3.12' });
if (typeof venv === 'string') console.warn(`FOCUS's own validator is not run here: ${venv}`);

type Outcome = 'passed' | 'skipped' | 'failed';

describe("the validator of FOCUS's authors", () => {
  let books: Books;
  let directory: string;
  const csvs = new Map<string, string>();
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tally-focus-'));
    books = await theBooks();
    await fillOddMonths(books);
    await expectAgreement(books);
    const exports = new FocusExports(books.database.lagging, { name: 'Tally', address: null });
    for (const period of PERIODS) {
      const csv = await exports.open({ period: period as Period, entity: null });
      csvs.set(period, await text(csv));
    }
    if (typeof venv === 'string') return;
    // It looks for its list of currencies where it runs.
    const where = 'import focus_validator; print(focus_validator.__path__[0])';
    const { stdout } = await run(venv.program('python'), ['-c', where]);
    await symlink(stdout.trim(), join(directory, 'focus_validator'));
  });
  afterAll(async () => {
    await books.close();
    await rm(directory, { recursive: true, force: true });
  });

  const validator = (...args: string[]) => {
    if (typeof venv === 'string') throw new Error(venv);
    const always = ['--validate-version', '1.2', '--focus-dataset', 'CostAndUsage', '--block-download'];
    return run(venv.program('focus-validator'), [...always, ...args], {
      cwd: directory,
      maxBuffer: 64 * 1024 * 1024,
    });
  };

  async function validate(csv: string): Promise<Map<string, Outcome>> {
    const [data, report] = [join(directory, 'focus.csv'), join(directory, 'report.xml')];
    await writeFile(data, csv);
    const output = ['--output-type', 'unittest', '--output-destination', report];
    await validator('--data-file', data, '--applicability-criteria', SUPPORTED.join(','), ...output);
    return readReport(await readFile(report, 'utf8'));
  }

  it.each(PERIODS)(
    'finds every rule that applies kept by the month %s, and none listed that is',
    async (period) => {
      expect(checkFocus(csvs.get(period)!)).toEqual([]);
      if (typeof venv === 'string') return;
      const outcomes = await validate(csvs.get(period)!);
      const rulesThat = (outcome: Outcome) =>
        [...outcomes.keys()].filter((rule) => outcomes.get(rule) === outcome);
      expect(rulesThat('passed').length).toBeGreaterThan(200);
      const failed = rulesThat('failed').filter((rule) => !NOT_KEPT.some(([pattern]) => pattern.test(rule)));
      expect(failed).toEqual([]);
      const unused = NOT_KEPT.filter(([pattern]) => !rulesThat('failed').some((rule) => pattern.test(rule)));
      expect(unused).toEqual([]);
    },
  );

  it('finds what is wrong with a dataset', async () => {
    if (typeof venv === 'string') return;
    const wrong = csvs
      .get('2026-11')!
      .replaceAll(',USD,2026-12', ',dollars,2026-12')
      .replaceAll('%C3%A8', 'è');
    const outcomes = await validate(wrong);
    const failed = [...outcomes.keys()].filter((rule) => outcomes.get(rule) === 'failed');
    for (const column of ['BillingCurrency', 'SkuId', 'SkuPriceId', 'ChargeDescription'])
      expect(failed).toContainEqual(expect.stringMatching(`^${column}-`));
  });

  it('is told of every criterion whether it applies', async () => {
    if (typeof venv === 'string') return;
    const { stdout } = await validator('--show-applicability-criteria');
    const criteria = [...stdout.matchAll(/^([A-Z_]+_SUPPORTED)\t/gm)].map(([, name = '']) => name);
    expect(criteria.toSorted()).toEqual([...SUPPORTED, ...Object.keys(UNSUPPORTED)].toSorted());
  });
});

function readReport(xml: string): Map<string, Outcome> {
  const cases = xml.matchAll(/<testcase name="([^ "]+) :: [^>]*?(?:\/>|>(.*?)<\/testcase>)/gs);
  return new Map([...cases].map(([, rule = '', content = '']) => [rule, outcomeOf(content)]));
}

function outcomeOf(content: string): Outcome {
  if (content.includes('<skipped')) return 'skipped';
  return /<(failure|error)/.test(content) ? 'failed' : 'passed';
}
