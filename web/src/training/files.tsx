// The reader's own files: a run, its text, what was opened of it.

import { t } from '../i18n.ts';
import { PRESETS, checkFiles, files, journal, openReports, openRun, params, running } from './session.ts';
import type { TrainPreset } from 'sphere-pow/train';

type Name = 'run' | 'text' | 'openings' | 'start' | 'reports';

export function Files() {
  const { text, openings } = files.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void checkFiles();
  };
  const isReady = text !== null && openings.length > 0;
  return (
    <section class="card" aria-labelledby="training-files">
      <h2 id="training-files">{t('training.files')}</h2>
      <p class="quiet">{t('training.files.help')}</p>
      <form onSubmit={submit}>
        <div class="fields">
          <FileField name="run" onPick={([file]) => file && void openRun(file)} />
          <FileField name="text" onPick={([file]) => (files.value = { ...files.value, text: file ?? null })} />
          <FileField name="openings" isMany onPick={(chosen) => (files.value = { ...files.value, openings: chosen })} />
          <div class="field">
            <label for="training-params">{t('training.params')}</label>
            <select id="training-params" value={params.value} disabled={PRESETS.some((name) => name === journal.value?.params)} onChange={(event) => (params.value = event.currentTarget.value as TrainPreset)}>
              {PRESETS.map((name) => <option value={name}>{name}</option>)}
            </select>
          </div>
        </div>
        <details class="more">
          <summary>{t('training.more')}</summary>
          <div class="fields">
            <FileField name="start" hasHelp onPick={([file]) => (files.value = { ...files.value, start: file ?? null })} />
            <FileField name="reports" isMany hasHelp onPick={(chosen) => void openReports(chosen)} />
          </div>
        </details>
        <button type="submit" class={isReady ? 'primary' : ''} disabled={!isReady || running.value !== null}>{t('training.check')}</button>
      </form>
    </section>
  );
}

function FileField({ name, onPick, isMany = false, hasHelp = false }: { name: Name; onPick: (chosen: readonly File[]) => void; isMany?: boolean; hasHelp?: boolean }) {
  const id = `training-${name}`;
  return (
    <div class="field">
      <label for={id}>{t(`training.${name}`)}</label>
      <input id={id} type="file" multiple={isMany} aria-describedby={hasHelp ? `${id}-help` : undefined} onChange={(event) => onPick([...(event.currentTarget.files ?? [])])} />
      {hasHelp && <p class="help" id={`${id}-help`}>{t(name === 'start' ? 'training.start.help' : 'training.reports.help')}</p>}
    </div>
  );
}
