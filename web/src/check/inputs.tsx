// Ways to bring a proof: paste, drop, file, samples, an address or height on a node.

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n.ts';
import { node, setNode } from './node.ts';
import { cancelReading, openAddress, openFile, openSample, openText } from './opening.ts';
import { SAMPLES, isReading, type SampleName } from './session.ts';

export function Inputs() {
  return (
    <div class="inputs">
      <Samples />
      <Drop />
      <FromNode />
    </div>
  );
}

function Drop() {
  const text = useSignal('');
  const isOver = useSignal(false);
  const files = useRef<HTMLInputElement>(null);
  // At once: a drop may come before the first paint.
  useLayoutEffect(() => onWholePage(isOver), []);
  const paste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData?.getData('text') ?? '';
    if (!pasted.trim() || text.value) return;
    // Not into the field: megabytes of text would hold up the page.
    event.preventDefault();
    void openText(t('source.paste'), pasted);
  };
  return (
    <section class={`card drop ${isOver.value ? 'over' : ''}`} aria-labelledby="drop-title">
      <h2 id="drop-title">{t('input.paste.title')}</h2>
      <p class="quiet">{t('input.paste.help')}</p>
      <textarea
        rows={9}
        aria-label={t('input.paste.label')}
        placeholder={'{ "public_key": "02…", "block_hash": "2832…", "nonces": [3, 69], "dist": [1.4013, 1.4012] }'}
        spellcheck={false}
        value={text.value}
        onPaste={paste}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <div class="row">
        <button type="button" class={text.value.trim() ? 'primary' : ''} disabled={!text.value.trim() || isReading.value} onClick={() => void openText(t('source.paste'), text.value)}>
          {t('input.read')}
        </button>
        <button type="button" class={text.value.trim() ? '' : 'primary'} onClick={() => files.current!.click()}>{t('input.file')}</button>
        <input ref={files} class="hidden" type="file" tabIndex={-1} aria-label={t('input.file')} onChange={(event) => pick(event.currentTarget)} />
        {isReading.value ? <Reading /> : <span class="quiet">{t('input.drop')}</span>}
      </div>
    </section>
  );
}

/** What is read may be slow to come: a node has half a minute. */
function Reading() {
  return (
    <>
      <span class="quiet" role="status">{t('check.reading')}</span>
      <button type="button" onClick={() => { cancelReading(); document.getElementById('main')?.focus(); }}>{t('input.cancel')}</button>
    </>
  );
}

function pick(input: HTMLInputElement) {
  const file = input.files?.[0];
  input.value = '';
  if (file) void openFile(file);
}

/** Drops anywhere on the page count, and pastes outside of fields. */
function onWholePage(isOver: { value: boolean }): () => void {
  const over = (event: DragEvent) => {
    event.preventDefault();
    isOver.value = true;
  };
  const leave = (event: DragEvent) => {
    if (!event.relatedTarget) isOver.value = false;
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    isOver.value = false;
    const file = event.dataTransfer?.files[0];
    const text = event.dataTransfer?.getData('text');
    if (file) void openFile(file);
    else if (text) void openText(t('source.drop'), text);
  };
  const paste = (event: ClipboardEvent) => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    const file = event.clipboardData?.files[0];
    const text = event.clipboardData?.getData('text');
    if (file) void openFile(file);
    else if (text?.trim()) void openText(t('source.paste'), text);
  };
  addEventListener('dragover', over);
  addEventListener('dragleave', leave);
  addEventListener('drop', drop);
  addEventListener('paste', paste);
  return () => {
    removeEventListener('dragover', over);
    removeEventListener('dragleave', leave);
    removeEventListener('drop', drop);
    removeEventListener('paste', paste);
  };
}

function Samples() {
  const group = (profile: 'gonka' | 'exact') => (
    <div class="samples">
      <h3><code>{profile}</code> <span class="quiet">{t(`profile.${profile}`)}</span></h3>
      <div class="row">
        {SAMPLES.filter((name) => name.startsWith(profile)).map((name) => (
          <button type="button" class={name === 'gonka-forged' ? 'primary' : ''} disabled={isReading.value} data-sample={name} onClick={() => void openSample(name)}>
            {sampleName(name)}<span class="hidden"> ({profile})</span>
          </button>
        ))}
      </div>
    </div>
  );
  return (
    <section class="card" aria-labelledby="samples-title">
      <h2 id="samples-title">{t('input.samples.title')}</h2>
      <p class="quiet">{t('input.samples.help')}</p>
      <div class="groups">
        {group('gonka')}
        {group('exact')}
      </div>
    </section>
  );
}

export function sampleName(name: SampleName): string {
  return t(`sample.${name.slice(name.indexOf('-') + 1) as 'honest' | 'forged' | 'wrong-hash'}`);
}

function FromNode() {
  const asked = useSignal('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (asked.value.trim()) void openAddress(asked.value);
  };
  return (
    <section class="card" aria-labelledby="node-title">
      <h2 id="node-title">{t('input.node.title')}</h2>
      <form class="stack tight" onSubmit={submit}>
        <div class="field">
          <label for="asked">{t('input.node.asked')}</label>
          <input id="asked" value={asked.value} autocomplete="off" spellcheck={false} aria-describedby="asked-help" onInput={(e) => (asked.value = e.currentTarget.value)} />
          <p class="help" id="asked-help">{t('input.node.help')}</p>
        </div>
        <div class="field">
          <label for="node">{t('input.node.node')}</label>
          <input id="node" type="url" value={node.value} spellcheck={false} onInput={(e) => setNode(e.currentTarget.value)} />
        </div>
        <div class="row">
          <button type="submit" disabled={!asked.value.trim() || isReading.value}>{t('input.node.fetch')}</button>
          {isReading.value && <Reading />}
        </div>
      </form>
    </section>
  );
}
