// The results as text for a terminal, and as CSV.

const mebibyte = 2 ** 20;

function digits(value) {
	if (value === 0)
		return '0';
	const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
	return value.toFixed(Math.min(places, 4));
}

// 12.3 (11.9..12.8)
export function spread(summary, scale = 1) {
	if (!Number.isFinite(summary?.median))
		return '';
	const [median, min, max] = [summary.median, summary.min, summary.max]
		.map((value) => digits(value * scale));
	return min === max ? median : `${median} (${min}..${max})`;
}

export function table(head, rows) {
	const all = [head, ...rows].map((row) => row.map(String));
	const widths = head.map((_, column) =>
		Math.max(...all.map((row) => row[column].length)));
	return all.map((row) => '  ' + row.map((cell, column) =>
		column < 2 ? cell.padEnd(widths[column])
			: cell.padStart(widths[column])).join('  ').trimEnd())
		.join('\n') + '\n';
}

// -- Columns -----------------------------------------------------------------

const columns = [
	{ head: 'requests/s', value: (point) => spread(point.rate) },
	{ head: 'p50 ms', value: (point) => spread(point.p50_ms) },
	{ head: 'p99 ms', value: (point) => spread(point.p99_ms) },
	{ head: 'CPU µs nginx', value: (point) => spread(point.cpu_nginx_us) },
	{ head: 'app', value: (point) => spread(point.cpu_app_us) },
	{ head: 'database', value: (point) => spread(point.cpu_database_us) },
	{ head: 'KiB written',
		value: (point) => spread(point.written_bytes, 1 / 1024) },
	{ head: 'MiB largest process',
		value: (point) => spread(point.pss_worker_bytes, 1 / mebibyte) },
	{ head: 'intentd',
		value: (point) => spread(point.pss_intentd_bytes, 1 / mebibyte) },
	{ head: 'nginx',
		value: (point) => spread(point.pss_nginx_bytes, 1 / mebibyte) },
	{ head: 'map',
		value: (point) => spread(point.pss_map_bytes, 1 / mebibyte) },
];

function pointsTable(series) {
	const used = columns.filter(({ value }) =>
		series.points.some((point) => value(point) !== ''));
	return table([series.axis.name, '', ...used.map(({ head }) => head)],
		series.points.map((point) => [point.x, point.thing,
			...used.map(({ value }) => value(point))]));
}

const ratiosTable = (series) => table([series.axis.name, 'ratio', ''],
	series.ratios.map((ratio) => [ratio.x, ratio.name, spread(ratio)]));

// What each process has for itself, in the last run at each x.
function processesText(series) {
	return series.points.filter(({ samples }) => samples[0].processes)
		.map(({ x, samples }) => {
			const sizes = samples.at(-1).processes
				.map(({ rest }) => digits(rest / mebibyte));
			return `  each process beyond the map, MiB, ${x} ` +
				`${series.axis.name}: ${sizes.join(' ')}\n`;
		}).join('');
}

export function seriesText(series) {
	const head = `\n${series.name}: ${series.title}\n`;
	if (series.error)
		return `${head}  FAILED: ${series.error}\n`;
	return head + pointsTable(series) + processesText(series) +
		(series.ratios.length > 0 ? `\n${ratiosTable(series)}` : '');
}

// -- What it was measured on -------------------------------------------------

const flat = (object) => Object.entries(object)
	.map(([name, value]) => `${name} ${value}`).join(', ');

export function headText({ machine, disk, durability, versions, options }) {
	const warning = !disk.in_memory ? '' : '\n' +
		`WARNING: ${disk.directory} is in memory, where a flush costs ` +
		'nothing:\nwhat is said of durable requests is worth nothing. ' +
		'Set BENCH_DIR to a\nfolder on a disk.\n';
	const { p50_ms: p50, p99_ms: p99 } = disk.fdatasync;
	return `
machine     ${machine.cpu}, ${machine.cores} cores, ` +
		`${(machine.memory_bytes / 2 ** 30).toFixed(1)} GiB, ` +
		`${machine.kernel}; load before ${machine.load_before.join(' ')}
disk        ${disk.device} (${disk.filesystem}, ${disk.options}; ` +
		`${disk.write_cache}), below ${disk.directory}
fdatasync   of 4 KiB: p50 ${digits(p50)} ms, p99 ${digits(p99)} ms
durability  ${durability}
versions    ${flat(versions)}
each figure median (min..max) of ${options.runs} runs of ` +
		`${options.seconds} s, in turn; ${options.workers} workers unless ` +
		`said
written     ${disk.written_is}
${warning}`;
}

// -- Goals -------------------------------------------------------------------

const verdicts = { true: 'reached', false: 'NOT REACHED', null: 'not measured' };

export function goalsText(goals) {
	return '\ngoals\n' + table(['goal', '', 'at', 'wanted', 'found'],
		goals.map((goal) => [goal.name, verdicts[goal.reached],
			goal.axis ? `${goal.x} ${goal.axis}` : '',
			goal.wanted, spread(goal)]));
}

// -- CSV ---------------------------------------------------------------------

const quote = (value) => /[",\n]/.test(value)
	? `"${String(value).replaceAll('"', '""')}"` : String(value);

// A row for each sample.
export function csv(allSeries) {
	const rows = allSeries.flatMap((series) => (series.points ?? [])
		.flatMap((point) => point.samples.map((sample, index) => ({
			series: series.name,
			axis: series.axis.name,
			x: point.x,
			thing: point.thing,
			load: point.load,
			clients: point.clients,
			round: index + 1,
			...Object.fromEntries(Object.entries(sample)
				.filter(([, value]) => typeof value === 'number')),
		}))));
	const names = [...new Set(rows.flatMap(Object.keys))];
	return [names, ...rows.map((row) =>
		names.map((name) => row[name] ?? ''))]
		.map((row) => row.map(quote).join(',') + '\n').join('');
}
