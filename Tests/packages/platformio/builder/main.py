from SCons.Script import Default, DefaultEnvironment

environment = DefaultEnvironment()
environment.Append(CCFLAGS=["-Wall", "-Wextra", "-Werror"])
Default(environment.BuildProgram())
