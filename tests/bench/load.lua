-- What wrk sends, chosen by the environment:
--
--   LOAD_KIND   a row of `kinds` below
--   LOAD_KEY    the API key
--   LOAD_RUN    a word that no other run has, for idempotency keys
--   LOAD_IDS    a file of ids, one a line, for `get`
--
-- done() prints one line of JSON with what wrk counted.  wrk counts a status
-- from 400 up as an error, and parses no more of an answer than it must; only
-- `mix` looks at the answers, since it needs the ids of what it made.
local intents = '/v1/payment_intents'
local order = 'amount=2000&currency=usd'
local card = order .. '&payment_method=pm_card_visa'

local run = os.getenv('LOAD_RUN')
local random = math.random
local format = string.format
local number = 0

-- Clients choose keys at random: 64 bits, and the run's word.
local function new_key()
	number = number + 1
	return format('%08x-%s-%08x', random(0, 4294967295), run, number)
end

-- A request whose idempotency key is yet to come, as the bytes before and
-- behind it: a create is then two concatenations.
local function post(path, body)
	local text = wrk.format('POST', path, {
		['Host'] = wrk.headers['Host'],
		['Authorization'] = wrk.headers['Authorization'],
		['Content-Type'] = 'application/x-www-form-urlencoded',
		['Idempotency-Key'] = '@',
	}, body)
	local at = text:find('Idempotency-Key: @', 1, true) + 16

	return { before = text:sub(1, at), behind = text:sub(at + 2) }
end

local function each_new(path, body)
	local parts = post(path, body)

	return function()
		return parts.before .. new_key() .. parts.behind
	end
end

local function always(text)
	return function()
		return text
	end
end

local function read_ids()
	local texts = {}

	for id in io.lines(os.getenv('LOAD_IDS')) do
		texts[#texts + 1] = wrk.format('GET', intents .. '/' .. id)
	end
	return texts
end

-- Three creates, one confirm of an intent that was made before, one get of
-- an intent that was confirmed before, in a fixed order.
local function mix()
	local create = each_new(intents, card)
	local turns = { create, create, 'get', create, 'confirm' }
	local fresh, first, last = {}, 1, 0
	local known, known_max = {}, 1000
	local seen, turn = 0, 0

	function response(status, _, body)
		local id = body:match('pi_%w+')

		if status ~= 200 or not id then
			unexpected = unexpected + 1
		elseif body:find('"requires_confirmation"', 1, true) then
			last = last + 1
			fresh[last] = id
		else
			known[seen % known_max + 1] = id
			seen = seen + 1
		end
	end

	local function confirm(id)
		local parts = post(intents .. '/' .. id .. '/confirm', '')

		return parts.before .. new_key() .. parts.behind
	end

	return function()
		turn = turn % #turns + 1
		if turns[turn] == 'get' and #known > 0 then
			return wrk.format('GET', intents .. '/' ..
				known[random(#known)])
		elseif turns[turn] == 'confirm' and first <= last then
			local id = fresh[first]

			fresh[first] = nil
			first = first + 1
			return confirm(id)
		end
		return create()
	end
end

local kinds = {
	create = function() return each_new(intents, order) end,
	confirm = function()
		return each_new(intents, card .. '&confirm=true')
	end,
	get = function()
		local texts = read_ids()

		return function()
			return texts[random(#texts)]
		end
	end,
	list = function()
		return always(wrk.format('GET', intents .. '?limit=10'))
	end,
	refusal = function()
		return each_new(intents, 'amount=2000&currency=xxx')
	end,
	replay = function()
		local parts = post(intents, order)

		return always(parts.before .. 'replayed' .. parts.behind)
	end,
	mix = mix,
	-- What stripe-stateful-mock has instead of payment intents.
	charge = function()
		return each_new('/v1/charges', order .. '&source=tok_visa')
	end,
}

local threads = {}

function setup(thread)
	thread:set('thread_number', #threads + 1)
	threads[#threads + 1] = thread
end

function init()
	unexpected = 0
	math.randomseed(tonumber(run, 16) % 2147483647 + thread_number)
	run = run .. thread_number
	wrk.headers['Authorization'] = 'Bearer ' .. os.getenv('LOAD_KEY')
	request = kinds[os.getenv('LOAD_KIND')]()
end

function done(summary, latency)
	local errors = summary.errors
	local others = 0

	for _, thread in ipairs(threads) do
		others = others + thread:get('unexpected')
	end
	print(format('\n{"requests":%d,"duration_us":%d,' ..
		'"p50_us":%.0f,"p99_us":%.0f,"refused":%d,"unexpected":%d,' ..
		'"connect":%d,"read":%d,"write":%d,"timeout":%d}',
		summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(99),
		errors.status, others,
		errors.connect, errors.read, errors.write, errors.timeout))
end
