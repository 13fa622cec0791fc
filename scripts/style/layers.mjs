// Includes go one way: base <- core <- store <- engine <- api <- app.
import { findLines } from './tree.mjs';

const layers = ['base', 'core', 'store', 'engine', 'api', 'app'];

export function checkLayers(tree) {
	return tree.program.flatMap((file) => findLines(file, file.code,
		/^\s*#\s*include\s+"([^"]+)"/, ([, included]) => {
			const layer = included.split('/')[0];
			const from = layers.indexOf(file.layer);
			const to = layers.indexOf(layer);

			if (from < 0)
				return `${file.layer} is no layer`;
			if (to < 0)
				return `include "${included}" names no layer`;
			return to > from &&
				`${file.layer} may not include ${layer}`;
		}));
}
