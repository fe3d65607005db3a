const express = require('express');

const app = express();
app.get('/', (_, response) => response.send('<p>Hello Express</p>'));
app.listen(process.env.PORT);
