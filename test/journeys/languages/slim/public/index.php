<?php

require __DIR__ . '/../vendor/autoload.php';

$app = Slim\Factory\AppFactory::create();
$app->get('/hello/{name}', function ($request, $response, $args) {
    $response->getBody()->write("<p>Hello {$args['name']}</p>");
    return $response;
});
$app->get('/', function ($request, $response) {
    $response->getBody()->write('<p>Hello Slim</p>');
    return $response;
});
$app->run();
