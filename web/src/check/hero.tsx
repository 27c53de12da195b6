// The first screen: what this is about in three sentences, and a picture drawn from real distances.

import { count, t } from '../i18n.ts';
import DISTANCES from './distances.json';

/** The radius that these nonces were mined under (samples.mjs), at which the picture's cap ends. */
const RADIUS = DISTANCES.radius;

export function Hero() {
  const won = DISTANCES.distances.filter((distance) => distance < RADIUS).length;
  const values = { n: DISTANCES.distances.length, won, radius: count(RADIUS, { maximumFractionDigits: 4 }) };
  return (
    <div class="hero">
      <div>
        <h1>{t('check.headline')}</h1>
        <p>{t('hero.network')} <a href="https://gonka.ai" rel="noreferrer">gonka.ai</a></p>
        <p>{t('hero.nonce')}</p>
        <p>{t('hero.profiles')}</p>
      </div>
      <figure>
        <Sphere label={t('hero.picture', values)} />
        <figcaption class="quiet small">{t('hero.caption', values)}</figcaption>
      </figure>
    </div>
  );
}

const [CENTRE, SIZE] = [{ x: 112, y: 112 }, 96];
/** Seen from a little above, so that circles about the target are ellipses. */
const TILT = 0.32;
/** Distances that the strip shows, and where. */
const STRIP = { x: 250, width: 100, top: 16, height: 192, near: 1.38, far: 1.44 };
/** Turns the points apart evenly: their direction about the target is not drawn from anything. */
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

/** A point of the sphere's surface at a distance from the target above. */
function onSphere(distance: number, turn: number) {
  const up = 1 - distance ** 2 / 2;
  const out = Math.sqrt(Math.max(0, 1 - up * up));
  const towards = out * Math.sin(turn);
  return {
    x: CENTRE.x + SIZE * out * Math.cos(turn),
    y: CENTRE.y - SIZE * (up * Math.cos(TILT) - towards * Math.sin(TILT)),
    isBehind: towards * Math.cos(TILT) + up * Math.sin(TILT) < 0,
  };
}

function inStrip(distance: number, i: number) {
  const share = (distance - STRIP.near) / (STRIP.far - STRIP.near);
  return { x: STRIP.x + 6 + ((STRIP.width - 12) * ((i * 61) % DISTANCES.distances.length)) / DISTANCES.distances.length, y: STRIP.top + STRIP.height * Math.min(1, Math.max(0, share)) };
}

function Sphere({ label }: { label: string }) {
  const up = 1 - RADIUS ** 2 / 2;
  const out = Math.sqrt(1 - up * up) * SIZE;
  const edge = { cy: CENTRE.y - SIZE * up * Math.cos(TILT), ry: out * Math.sin(TILT) };
  const line = inStrip(RADIUS, 0).y;
  const target = onSphere(0, 0);
  // The front half of the cap's edge, then the sphere's outline above it.
  const cap = `M${CENTRE.x - out} ${edge.cy}A${out} ${edge.ry} 0 0 0 ${CENTRE.x + out} ${edge.cy}A${SIZE} ${SIZE} 0 0 0 ${CENTRE.x - out} ${edge.cy}Z`;
  return (
    <svg class="sphere" viewBox="0 0 366 224" role="img" aria-label={label}>
      <circle class="ball" cx={CENTRE.x} cy={CENTRE.y} r={SIZE} />
      <path class="cap" d={cap} />
      <ellipse class="edge" cx={CENTRE.x} cy={edge.cy} rx={out} ry={edge.ry} />
      {DISTANCES.distances.map((distance, i) => {
        const { x, y, isBehind } = onSphere(distance, i * GOLDEN);
        return <circle class={`nonce ${distance < RADIUS ? 'won' : ''} ${isBehind ? 'behind' : ''}`} cx={x.toFixed(1)} cy={y.toFixed(1)} r={distance < RADIUS ? 2.8 : 1.6} />;
      })}
      <path class="target" d={`M${target.x - 6} ${target.y}h12M${target.x} ${target.y - 6}v12`} />
      <text x={target.x + 10} y={target.y + 4}>{t('hero.target')}</text>
      <text x={CENTRE.x} y={CENTRE.y - 40} text-anchor="middle">{t('hero.cap')}</text>
      <path class="lens" d={`M${CENTRE.x + SIZE} ${CENTRE.y - 8}L${STRIP.x} ${STRIP.top}M${CENTRE.x + SIZE} ${CENTRE.y + 8}L${STRIP.x} ${STRIP.top + STRIP.height}`} />
      <rect class="cap" x={STRIP.x} y={STRIP.top} width={STRIP.width} height={line - STRIP.top} />
      <rect class="strip" x={STRIP.x} y={STRIP.top} width={STRIP.width} height={STRIP.height} />
      {DISTANCES.distances.map((distance, i) => {
        const { x, y } = inStrip(distance, i);
        return <circle class={`nonce ${distance < RADIUS ? 'won' : ''}`} cx={x.toFixed(1)} cy={y.toFixed(1)} r={distance < RADIUS ? 2.8 : 1.8} />;
      })}
      <path class="edge" d={`M${STRIP.x} ${line}h${STRIP.width}`} />
      <text x={STRIP.x - 5} y={line + 4} text-anchor="end">{count(RADIUS, { maximumFractionDigits: 4 })}</text>
    </svg>
  );
}
