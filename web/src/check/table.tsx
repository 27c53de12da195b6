// Every claim in a grid of which only the rows in sight exist: sorted, filtered, moved through by keys.

import { useSignal } from '@preact/signals';
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from '@tanstack/virtual-core';
import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import { theDesk } from '../engine/client.ts';
import { digestAt } from '../engine/columns.ts';
import { BAD, GOOD, type Columns, type Filter, type SortColumn, type View } from '../engine/types.ts';
import { t } from '../i18n.ts';
import { Detail } from './detail.tsx';
import { columns, filled, stage } from './session.ts';

const ROW = 38;
const FILTERS: readonly Filter[] = ['all', 'checked', 'good', 'bad'];

interface Column {
  name: SortColumn | 'claimedDigest' | 'digest';
  isSorted: boolean;
  cell: (data: Columns, row: number) => preact.ComponentChildren;
}

const COLUMNS: Record<Columns['profile'], readonly Column[]> = {
  gonka: [
    { name: 'index', isSorted: true, cell: (_, row) => row },
    { name: 'nonce', isSorted: true, cell: ({ nonces }, row) => String(nonces[row]) },
    { name: 'claimed', isSorted: true, cell: ({ claimed }, row) => distance(claimed[row]!) },
    { name: 'recomputed', isSorted: true, cell: ({ recomputed }, row) => distance(recomputed[row]!) },
    { name: 'difference', isSorted: true, cell: ({ claimed, recomputed }, row) => difference(claimed[row]! - recomputed[row]!) },
    { name: 'status', isSorted: true, cell: ({ status }, row) => <Status status={status[row]!} /> },
  ],
  exact: [
    { name: 'index', isSorted: true, cell: (_, row) => row },
    { name: 'nonce', isSorted: true, cell: ({ nonces }, row) => String(nonces[row]) },
    { name: 'claimedDigest', isSorted: false, cell: ({ claimedDigests }, row) => `${digestAt(claimedDigests, row).slice(0, 12)}…` },
    { name: 'digest', isSorted: false, cell: ({ digests, status }, row) => (status[row] ? `${digestAt(digests, row).slice(0, 12)}…` : '–') },
    { name: 'recomputed', isSorted: true, cell: ({ recomputed }, row) => distance(recomputed[row]!) },
    { name: 'status', isSorted: true, cell: ({ status }, row) => <Status status={status[row]!} /> },
  ],
};

function distance(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(7);
}

function difference(value: number): string {
  return Number.isNaN(value) ? '–' : value.toExponential(1);
}

function Status({ status }: { status: number }) {
  const name = status === GOOD ? 'good' : status === BAD ? 'bad' : 'unchecked';
  return <span class={`status ${name}`}><span aria-hidden="true">{{ good: '✓', bad: '✕', unchecked: '·' }[name]}</span> {t(`status.${name}`)}</span>;
}

export default function NonceTable() {
  const data = columns.value!;
  const view = useSignal<View>({ column: 'index', isDescending: false, filter: 'all', nonce: '' });
  const order = useSignal<Uint32Array>(new Uint32Array());
  const open = useSignal<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const asked = view.value;
  useEffect(() => {
    let isStale = false;
    const ask = async () => {
      const rows = (await theDesk().order(asked)) as Uint32Array;
      if (!isStale) order.value = rows;
    };
    void ask();
    return () => {
      isStale = true;
    };
  }, [asked, data, filled.value]);
  useEffect(() => {
    open.value = null;
  }, [data]);
  return (
    <>
      <Controls view={asked} shown={order.value.length} onChange={(change) => (view.value = { ...asked, ...change })} />
      <Grid data={data} order={order.value} view={asked} onSort={(column) => (view.value = { ...asked, column, isDescending: column === asked.column && !asked.isDescending })} open={open.value} onOpen={(row) => (open.value = row)} place={place} />
      <p class="quiet small">{t('table.help')}</p>
      {open.value !== null && stage.value !== 'running' && <Detail row={open.value} data={data} onClose={() => { open.value = null; place.current?.focus(); }} />}
    </>
  );
}

function Controls({ view, shown, onChange }: { view: View; shown: number; onChange: (change: Partial<View>) => void }) {
  return (
    <div class="row controls">
      <div class="field inline">
        <label for="filter">{t('table.filter')}</label>
        <select id="filter" value={view.filter} onChange={(e) => onChange({ filter: e.currentTarget.value as Filter })}>
          {FILTERS.map((name) => <option value={name}>{t(`filter.${name}`)}</option>)}
        </select>
      </div>
      <div class="field inline">
        <label for="find">{t('table.find')}</label>
        <input id="find" class="number" inputMode="numeric" value={view.nonce} onInput={(e) => onChange({ nonce: e.currentTarget.value.replace(/\D/g, '') })} />
      </div>
      <span class="quiet" role="status">{t('table.shown', { n: shown })}</span>
    </div>
  );
}

interface GridProps {
  data: Columns;
  order: Uint32Array;
  view: View;
  onSort: (column: SortColumn) => void;
  open: number | null;
  onOpen: (row: number) => void;
  place: { current: HTMLDivElement | null };
}

function Grid({ data, order, view, onSort, open, onOpen, place }: GridProps) {
  const virtual = useVirtual(place, order.length);
  const active = useSignal(0);
  const shown = COLUMNS[data.profile];
  const current = Math.min(active.value, Math.max(0, order.length - 1));
  const go = (to: number) => {
    active.value = Math.min(Math.max(0, to), order.length - 1);
    virtual.scrollToIndex(active.value, { align: 'auto' });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((place.current!.clientHeight - ROW) / ROW));
    const to = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: order.length - 1 }[event.key];
    if (event.target !== place.current) return;
    if (to !== undefined) go(to);
    else if ((event.key === 'Enter' || event.key === ' ') && order.length > 0) onOpen(order[current]!);
    else return;
    event.preventDefault();
  };
  return (
    <div class={`grid ${data.profile}`} ref={place} role="grid" tabIndex={0} aria-label={t('table.title')} aria-rowcount={order.length + 1} aria-colcount={shown.length} aria-activedescendant={order.length > 0 ? `row-${current}` : undefined} onKeyDown={onKeyDown}>
      <div class="grid-row head" role="row" aria-rowindex={1}>
        {shown.map(({ name, isSorted }) => (
          <div role="columnheader" class={`cell ${name}`} aria-sort={isSorted && view.column === name ? (view.isDescending ? 'descending' : 'ascending') : undefined}>
            {isSorted ? <button type="button" onClick={() => onSort(name as SortColumn)}>{heading(data, name)}<span aria-hidden="true">{view.column === name ? (view.isDescending ? ' ▼' : ' ▲') : ''}</span></button> : heading(data, name)}
          </div>
        ))}
      </div>
      <div role="rowgroup" style={{ height: `${virtual.getTotalSize()}px`, position: 'relative' }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = order[index]!;
          return (
            <div key={index} id={`row-${index}`} class={`grid-row ${index === current ? 'active' : ''} ${row === open ? 'open' : ''}`} role="row" aria-rowindex={index + 2} aria-selected={row === open} style={{ position: 'absolute', top: 0, left: 0, right: 0, transform: `translateY(${start}px)` }} onClick={() => { active.value = index; onOpen(row); }}>
              {shown.map(({ name, cell }) => <div role="gridcell" class={`cell ${name}`}>{cell(data, row)}</div>)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function heading(data: Columns, name: Column['name']): string {
  if (name === 'recomputed' && data.profile === 'exact') return t('plots.distance');
  return t(`table.${name}`);
}

/** The virtualizer of `count` rows in `place`, which draws anew as it scrolls. */
function useVirtual(place: { current: HTMLDivElement | null }, rows: number): Virtualizer<HTMLDivElement, Element> {
  const [, redraw] = useReducer((n: number, _: void) => n + 1, 0);
  const options = {
    count: rows,
    getScrollElement: () => place.current,
    estimateSize: () => ROW,
    overscan: 8,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    // The head sticks over the first row.
    scrollPaddingStart: ROW,
    onChange: () => redraw(undefined),
  };
  const virtual = useMemo(() => new Virtualizer<HTMLDivElement, Element>(options), []);
  virtual.setOptions(options);
  useEffect(() => virtual._didMount(), []);
  useEffect(() => {
    virtual._willUpdate();
    redraw(undefined);
  }, [rows]);
  return virtual;
}

