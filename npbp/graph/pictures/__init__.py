"""The graph as a picture: ``draw`` says what there is to see, ``layout`` where it goes."""
