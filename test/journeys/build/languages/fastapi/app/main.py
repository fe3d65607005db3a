from fastapi import FastAPI

app = FastAPI()


@app.get('/')
async def home(name: str = 'FastAPI'):
    return {'hello': name}
