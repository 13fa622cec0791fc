// stripe-stateful-mock on a free loopback port, which it says.
import mock from 'stripe-stateful-mock/dist/index.js';

const server = mock.createExpressApp().listen(0, '127.0.0.1', () =>
	console.log(`port ${server.address().port}`));
