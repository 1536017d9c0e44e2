// The one place that knows Vega-Lite, which draws the report's pictures: an optional peer, loaded when it is needed.
import { unsupportedError } from '../errors.ts';

/** A Vega-Lite specification with its data inside. */
export type Spec = Readonly<Record<string, unknown>>;

/** Grey that reads on white and on black; nothing behind the picture. */
const grey = '#7d8590';
const config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: { labelColor: grey, titleColor: grey, domainColor: grey, tickColor: grey, gridColor: grey, gridOpacity: 0.2 },
  legend: { labelColor: grey, titleColor: grey },
  title: { color: grey },
  header: { labelColor: grey, titleColor: grey },
};

/**
 * The picture as SVG. Marks with a `description` show it when pointed at.
 * @throws ERR_UNSUPPORTED when Vega-Lite is not installed, with the command that installs it
 */
export async function drawSvg(spec: Spec): Promise<string> {
  const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]).catch(() => {
    throw unsupportedError('bench', 'pictures need Vega-Lite: npm install vega@6 vega-lite@6.4.3');
  });
  const { spec: compiled } = lite.compile({ ...spec, config } as unknown as Parameters<typeof lite.compile>[0]);
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' });
  try {
    return withTitles(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Browsers show an element's title when it is pointed at; Vega writes labels for screen readers alone. */
function withTitles(svg: string): string {
  return svg.replaceAll(
    /<path aria-label="([^"]*)" role="graphics-symbol"([^>]*?)(?:\/>|><\/path>)/g,
    '<path aria-label="$1" role="graphics-symbol"$2><title>$1</title></path>',
  );
}
